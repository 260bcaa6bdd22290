/** How fresh what a reader of keys is shown must be, and is. */
import * as z from "zod"

/** "edge": a copy near the reader, perhaps a minute old; "strong": what was committed last. */
export type Consistency = "edge" | "strong"

/** The header that tells, of an answer, how it was read; of a request, how it is to be. */
export const CONSISTENCY_HEADER = "X-Consistency"

export const consistency = z.enum(["edge", "strong"]).optional().meta({
  description:
    "`strong`: as it was committed last, from the database; `edge`, the default: a copy near the reader, perhaps a minute old",
  example: "strong",
})

const minRevision = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional().meta({
  description:
    "The newest revision the reader knows, of whatever: a copy that may be older is not shown, but what was committed last",
  example: 42,
})

export const consistencyHeaders = {
  [CONSISTENCY_HEADER]: "`strong` means the same as the parameter `consistency`",
}

/** The query of whoever reads a key. */
export const freshness = z.object({ consistency, min_revision: minRevision })

/** What readers may rely on, for the description of an endpoint. */
export const promise = [
  "The header `X-Consistency` says how it was read. `edge`: a copy in Workers KV, which after a change may be the old",
  "one for a minute, a second longer where a key is written more than once a second, and until the hourly look where a",
  "Worker died between the commit and Workers KV. `strong`: what was committed",
  "last; never older than any write that was acknowledged, or any strong answer that was given, before it was asked.",
  "With `min_revision`, a reader who names the newest revision it has seen never goes back, and reads what it wrote.",
].join(" ")
