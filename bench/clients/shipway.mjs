import { buildImage } from '../../index.mjs'
import { watched } from './watched.mjs'

await watched(({ endpoint, folder, tag, noCache }) =>
  buildImage({
    engine: endpoint,
    contextDirectory: folder,
    tags: [tag],
    noCache,
    onProgress() {},
  }),
)
