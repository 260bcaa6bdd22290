/** The bytes of a request, unzipped when they came as gzip, and not more of them than allowed. */
import { IMPORT_MAX_BYTES } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"

export interface StreamOptions {
  /** `Content-Encoding`: gzip, or none. */
  encoding?: string | null
  /** Bytes of the whole stream, unzipped. */
  maxBytes?: number
}

/** A step of unzipping takes this much; a bomb gives a thousand times as much at once. */
const STEP_BYTES = 4_096

/**
 * The bytes of a stream, plain.
 * Throws Problem: unsupported_type for another encoding, too_large, invalid_request for broken gzip.
 */
export async function* readBytes(
  stream: ReadableStream<Uint8Array>,
  { encoding = null, maxBytes = IMPORT_MAX_BYTES }: StreamOptions = {},
): AsyncGenerator<Uint8Array> {
  const plain = encoding === null || /^\s*(identity\s*)?$/i.test(encoding)
  if (!plain && !/^\s*(x-)?gzip\s*$/i.test(encoding)) {
    throw new Problem(
      "unsupported_type",
      `Content-Encoding must be gzip or absent, it is "${encoding}"`,
      { accepted: ["gzip"] },
      { "Accept-Encoding": "gzip" },
    )
  }
  let size = 0
  for await (const bytes of plain ? stream : unzip(stream)) {
    size += bytes.length
    if (size > maxBytes) {
      const when = plain ? "" : " when unzipped"
      throw new Problem(
        "too_large",
        `The body must be at most ${maxBytes} bytes${when}, it has ${size} or more`,
        { limit: maxBytes },
      )
    }
    yield bytes
  }
}

async function* unzip(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const steps = new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, controller) {
      for (let from = 0; from < bytes.length; from += STEP_BYTES) {
        controller.enqueue(bytes.subarray(from, from + STEP_BYTES))
      }
    },
  })
  const reader = stream.pipeThrough(steps).pipeThrough(new DecompressionStream("gzip")).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(refuse)
      if (done) return
      yield value
    }
  } finally {
    // Who stops early, for the limit's sake too, must not leave the rest to be unzipped.
    await reader.cancel().catch(() => undefined)
  }
}

function refuse(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error)
  throw new Problem("invalid_request", `The body must be one gzip file: ${reason}`, {
    errors: { "": `is not gzip: ${reason}` },
  })
}
