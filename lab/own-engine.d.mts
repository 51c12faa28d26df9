/** An engine of a test. */
export interface OwnEngine {
  /** Its socket, whether it runs or not. */
  endpoint: string
  /** Folder of its images. */
  data: string
  logFile: string
  /** Starts it, and resolves once it answers. */
  start(): Promise<{ version: string; apiVersion: string }>
  /** Ends it and all that it has started at once, as a loss of power does. */
  kill(): Promise<void>
  /** Stops it, and removes its folders. */
  remove(): Promise<void>
}

export interface OwnEngineOptions {
  /** The checkout whose lab it is; this one by default. */
  root?: string | undefined
  /** More arguments for `dockerd`, from its data folder as it sees that itself. */
  args?: (data: string) => string[]
  /** Folder of its images; without it one is made, and removed in the end. */
  data?: string
}

/** An engine like the one of the lab that is called `like`, with nothing in its store. */
export function ownEngine(like: string, options?: OwnEngineOptions): OwnEngine
