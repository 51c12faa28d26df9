import { existsSync } from 'node:fs'

const ARCHITECTURES = {
  x64: { docker: 'amd64', gnu: 'x86_64-linux-gnu', loader: 'lib64/ld-linux-x86-64.so.2' },
  arm64: { docker: 'arm64', gnu: 'aarch64-linux-gnu', loader: 'lib/ld-linux-aarch64.so.1' },
}

export const architecture = ARCHITECTURES[process.arch]

/** Returns why the lab cannot run on this machine, or null when it can. */
export function whyUnsupported() {
  const reason =
    process.platform !== 'linux'
      ? 'the lab needs Linux'
      : process.getuid() !== 0
        ? 'the lab needs root'
        : !existsSync('/usr/bin/apt-get')
          ? 'the lab needs apt-get (Debian)'
          : !architecture
            ? 'the lab needs an amd64 or arm64 machine'
            : null
  return reason && `${reason}: without it, tests use the engine that DOCKER_HOST names`
}
