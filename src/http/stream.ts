/** Long answers in pieces: what fits is sent whole, with its length; the rest is made as it is taken. */
import { ANSWER_WHOLE_MAX_BYTES } from "../protocol/limits.ts"

/**
 * The bytes, when they are few; else a stream that makes no more of them than is taken. What goes wrong before that
 * many were made is thrown; later, it breaks the stream off, as the status is long out.
 */
export async function streamOf(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<Uint8Array | ReadableStream<Uint8Array>> {
  const source = iteratorOf(pieces)
  const made: Uint8Array[] = []
  for (let bytes = 0; bytes <= ANSWER_WHOLE_MAX_BYTES;) {
    const { done, value } = await source.next()
    if (done) return joined(made, bytes)
    made.push(value)
    bytes += value.length
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of made) controller.enqueue(piece)
    },
    async pull(controller) {
      try {
        const { done, value } = await source.next()
        if (done) controller.close()
        else controller.enqueue(value)
      } catch (error) {
        console.error({ event: "answer_broken", message: String(error) })
        controller.error(error)
      }
    },
    async cancel() {
      await source.return?.()
    },
  })
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array
  const bytes = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

function iteratorOf(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  return Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]()
}
