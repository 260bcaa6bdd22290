/** Byte streams for the tests of import and export: cut where a test wants, gathered to one text. */
import fc from "fast-check"

const encoder = new TextEncoder()

/** A stream of a text's bytes, cut at the places (taken modulo the length), or in one piece. */
export function streamOf(
  content: string | Uint8Array,
  cuts: readonly number[] = [],
): ReadableStream<Uint8Array> {
  const bytes = typeof content === "string" ? encoder.encode(content) : content
  const places = cuts.map((cut) => cut % (bytes.length + 1)).toSorted((one, other) => one - other)
  const ends = [...places, bytes.length]
  let from = 0
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const end = ends.shift()
      if (end === undefined) return controller.close()
      controller.enqueue(bytes.slice(from, end))
      from = end
    },
  })
}

/** A stream of one byte at a time. */
export function byteByByte(text: string): ReadableStream<Uint8Array> {
  return streamOf(text, [...encoder.encode(text).keys()])
}

export const cuts = fc.array(fc.nat(100_000), { maxLength: 12 })

/** All that an iterator gives. */
export async function gather<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

/** The same, packed by gzip. */
export async function zipped(text: string): Promise<Uint8Array> {
  const stream = streamOf(text).pipeThrough(new CompressionStream("gzip"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}
