/** Long answers in pieces: what fits is sent whole, with its length; the rest is made as it is taken. */
import { ANSWER_WHOLE_MAX_CHARACTERS } from "../protocol/limits.ts"

/** Characters that are handed on at once. */
const BLOCK_CHARACTERS = 65_536

/**
 * The text, when it is short; else a stream that makes no more of it than is taken. What goes wrong before that much
 * was made is thrown; later, it breaks the stream off, as the status is long out.
 */
export async function streamOf(
  pieces: Iterable<string> | AsyncIterable<string>,
): Promise<string | ReadableStream<Uint8Array>> {
  const source = iteratorOf(pieces)
  let text = ""
  while (text.length <= ANSWER_WHOLE_MAX_CHARACTERS) {
    const { done, value } = await source.next()
    if (done) return text
    text += value
  }
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        let ended = false
        while (!ended && text.length < BLOCK_CHARACTERS) {
          const { done, value } = await source.next()
          if (done) ended = true
          else text += value
        }
        if (text !== "") controller.enqueue(encoder.encode(text))
        text = ""
        if (ended) controller.close()
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

function iteratorOf(
  pieces: Iterable<string> | AsyncIterable<string>,
): AsyncIterator<string> | Iterator<string> {
  return Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]()
}
