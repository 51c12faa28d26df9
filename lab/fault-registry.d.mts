/** One request that a fault registry got. */
export interface FaultRequest {
  method: string
  path: string
  /** Of a request for a token, the one that the token is for. */
  repository: string | null
  /** Since the registry's start. */
  timeMs: number
  /** What was answered; 0 where nothing was. */
  status: number
}

export interface FaultRegistry {
  reference(fault: string, prefix?: string): string
  requests(reference: string): FaultRequest[]
  digest(reference: string): string
  close(): void
}

export const FAULTS: Record<string, unknown>
export const USER: { username: string; password: string }

export function startFaultRegistry(options?: {
  caFile?: string | undefined
}): Promise<FaultRegistry>
