/** How a command ended. */
export interface Ended {
  status: number | string
  stdout: string
  stderr: string
}

export interface DockerOptions {
  /** The checkout whose lab it is; this one by default. */
  root?: string | undefined
  cwd?: string
  /** Added to the command's own. */
  env?: Record<string, string>
  input?: string
  signal?: AbortSignal
}

/** Runs the docker CLI that belongs to an engine of the lab. */
export function docker(
  engine: string | { name: string },
  args: string[],
  options?: DockerOptions,
): Promise<Ended>
