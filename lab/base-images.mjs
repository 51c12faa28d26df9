import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mmdebstrap } from './engine-root.mjs'
import { makeOnce, readJson, writeJson } from './files.mjs'
import { compressLayer, makeImage } from './image.mjs'
import { architecture } from './platform.mjs'
import { run, runLeashed } from './run.mjs'

const SUITE = 'bookworm'
const NODE_MAJOR = '22'
const NPM_MAJOR = '10'

// What the slim images of Debian leave out.
const SLIM = ['/usr/share/doc/*', '/usr/share/info/*', '/usr/share/locale/*', '/usr/share/man/*']
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const TAR = ['--sort=name', '--mtime=@1704067200', '--owner=0', '--group=0', '--numeric-owner']

/** Makes `debian:bookworm-slim` from Debian's packages. */
export async function makeDebianImage(paths) {
  const folder = join(paths.images, 'debian')
  await makeOnce(folder, async (target) => {
    mkdirSync(target)
    const tar = join(target, 'debian.tar')
    await mmdebstrap(paths, 'debian', [
      ...SLIM.map((path) => `--dpkgopt=path-exclude=${path}`),
      // A build's package installation is slow where each file is synced to the disk.
      '--dpkgopt=force-unsafe-io',
      SUITE,
      tar,
    ])
    await compressed(target, 'debian')
  })
  const layers = [layerIn(folder, 'debian')]
  return imageOf(layers, { Env: [`PATH=${PATH}`], Cmd: ['bash'] })
}

/** Makes `node:22-bookworm-slim`: the Debian image, and Node and npm from npm's registry. */
export async function makeNodeImage(paths, debian) {
  const folder = join(paths.images, 'node')
  await makeOnce(folder, async (target) => {
    const root = join(target, 'root')
    const versions = await installNode(target, join(root, 'usr/local'))
    addUser(root, await accounts(join(paths.images, 'debian', 'debian.tar')))
    await run('tar', [...TAR, '-cf', join(target, 'node.tar'), '-C', root, ...readdirSync(root)])
    await compressed(target, 'node')
    rmSync(root, { recursive: true })
    writeJson(join(target, 'versions.json'), versions)
  })
  const versions = readJson(join(folder, 'versions.json'))
  const config = {
    Env: [`PATH=${PATH}`, `NODE_VERSION=${versions.node}`],
    Cmd: ['node'],
    Labels: { 'io.shipway.lab.node': versions.node, 'io.shipway.lab.npm': versions.npm },
  }
  return { image: imageOf([debian.blobs[0], layerIn(folder, 'node')], config), versions }
}

async function installNode(folder, prefix) {
  const platform = `node-linux-${process.arch}`
  mkdirSync(join(prefix, 'bin'), { recursive: true })
  const npm = join(prefix, 'lib/node_modules/npm')
  mkdirSync(npm, { recursive: true })
  const nodeArchive = await pack(folder, `${platform}@${NODE_MAJOR}`)
  await run('tar', ['-xzf', nodeArchive, '-C', prefix, '--strip-components=1', 'package/bin/node'])
  const npmArchive = await pack(folder, `npm@${NPM_MAJOR}`)
  await run('tar', ['-xzf', npmArchive, '-C', npm, '--strip-components=1', '--no-same-owner'])
  for (const name of ['npm', 'npx']) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(prefix, 'bin', name))
  }
  const node = (await run(join(prefix, 'bin/node'), ['--version'])).trim().replace(/^v/, '')
  return { node, npm: readJson(join(npm, 'package.json')).version }
}

async function pack(folder, name) {
  const stdout = await runLeashed('npm', ['pack', '--silent', '--pack-destination', folder, name])
  return join(folder, stdout.trim())
}

/** The image has the same unprivileged user as the official one. */
function addUser(root, { passwd, group }) {
  mkdirSync(join(root, 'etc'))
  writeFileSync(join(root, 'etc/passwd'), `${passwd}node:x:1000:1000::/home/node:/bin/bash\n`)
  writeFileSync(join(root, 'etc/group'), `${group}node:x:1000:\n`)
}

async function accounts(tar) {
  const read = (file) => run('tar', ['-xOf', tar, `./etc/${file}`])
  return { passwd: await read('passwd'), group: await read('group') }
}

async function compressed(folder, name) {
  const { file: _, ...layer } = await compressLayer(
    join(folder, `${name}.tar`),
    join(folder, `${name}.tar.gz`),
  )
  writeJson(join(folder, `${name}.json`), layer)
}

const layerIn = (folder, name) => ({
  ...readJson(join(folder, `${name}.json`)),
  file: join(folder, `${name}.tar.gz`),
})

const imageOf = (layers, config) => makeImage({ architecture: architecture.docker, layers, config })
