# Runs a command that sees its own hosts file and CA bundle, in the machine's root folder.
# Arguments: HOSTS CA_BUNDLE COMMAND...
set -eu
hosts=$1 bundle=$2
shift 2
mount --bind "$hosts" /etc/hosts
mount --bind "$bundle" /etc/ssl/certs/ca-certificates.crt
mount -t proc proc /proc
# containerd keeps its shims' sockets there, whatever its own folder is.
mkdir -p /run/containerd
mount -t tmpfs tmpfs /run/containerd
exec "$@"
