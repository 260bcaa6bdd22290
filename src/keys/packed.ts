/** Many things as few parameters of a statement. Pure. */
import { byteLength } from "../lib/bytes.ts"
import { DATABASE_TEXT_MAX_BYTES } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"

/** The items as JSON arrays, each small enough for a parameter. Throws Problem too_large for one that never is. */
export function packed(items: readonly unknown[]): { json: string; count: number }[] {
  const packs: { texts: string[]; bytes: number }[] = []
  for (const item of items) {
    const text = JSON.stringify(item)
    const bytes = byteLength(text) + 1
    if (bytes > DATABASE_TEXT_MAX_BYTES) {
      throw new Problem(
        "too_large",
        `A key must take at most ${DATABASE_TEXT_MAX_BYTES} bytes of JSON at once, this one takes ${bytes}`,
        { limit: DATABASE_TEXT_MAX_BYTES },
      )
    }
    const pack = packs.at(-1)
    if (pack && pack.bytes + bytes < DATABASE_TEXT_MAX_BYTES) {
      pack.texts.push(text)
      pack.bytes += bytes
    } else packs.push({ texts: [text], bytes })
  }
  return packs.map(({ texts }) => ({ json: `[${texts.join()}]`, count: texts.length }))
}
