# Runs a command in another root folder, with its own hosts file and CA bundle.
# Arguments: HOSTS CA_BUNDLE ROOT DATA RUN COMMAND...
# DATA and RUN are seen as /engine/data and /engine/run.
set -eu
hosts=$1 bundle=$2 root=$3 data=$4 run=$5
shift 5
mount --bind "$root" "$root"
mkdir -p "$root/engine/data" "$root/engine/run" "$root/.old"
mount --bind "$data" "$root/engine/data"
mount --bind "$run" "$root/engine/run"
touch "$root/etc/hosts" "$root/etc/resolv.conf"
mount --bind "$hosts" "$root/etc/hosts"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
mount --bind "$bundle" "$root/etc/ssl/certs/ca-certificates.crt"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
cd "$root"
# runc needs a root folder that is a mount of its own: a chroot is not enough.
pivot_root . .old
umount -l /.old
exec "$@"
