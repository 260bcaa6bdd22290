/** Calls to Workers KV, which fail now and then. */
import { Problem } from "../protocol/problem.ts"

/** Pauses between attempts. */
const PAUSES_MILLISECONDS = [50, 250, 1_100]

export interface PersistOptions {
  /** What the caller is told when nothing helped. */
  detail?: string
  sleep?: (milliseconds: number) => Promise<void>
  /** True for failures that are thrown as they are, at once. */
  isFinal?: (error: unknown) => boolean
}

/** The answer of a call to Workers KV, asked again while it fails. Throws Problem overloaded, or what is final. */
export async function persist<Result>(
  call: () => Promise<Result>,
  options: PersistOptions = {},
): Promise<Result> {
  const { detail = "Workers KV does not answer, try again", sleep = forMilliseconds } = options
  const { isFinal = () => false } = options
  for (let attempt = 0; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      if (isFinal(error)) throw error
      const pause = PAUSES_MILLISECONDS[attempt]
      if (pause === undefined) {
        console.error({ event: "kv_failed", message: String(error) })
        throw busy(detail)
      }
      await sleep(pause)
    }
  }
}

export function busy(detail: string): Problem {
  return new Problem("overloaded", detail, {}, { "Retry-After": "1" })
}

export function forMilliseconds(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
