/** First, least, greatest and last of every stretch of time: a line chart that wide shows no difference. Pure. */
import { stretchesOf } from "./minmax.ts"

/**
 * At most `most` places of points in order: of each of `most / 4` stretches of equal time the first, the least, the
 * greatest and the last, so that the first and the last of all are among them; of equal values the first. After U.
 * Jugel, Z. Jerzak, G. Hackenbroich, V. Markl, "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 7
 * (2014).
 * @param stamps increasing; @param values as many, none NaN
 */
export function m4(stamps: Float64Array, values: Float64Array, most: number): Uint32Array {
  const count = values.length
  if (most >= count) return Uint32Array.from(values, (_, place) => place)
  if (most < 4) return Uint32Array.of(0, count - 1).subarray(0, most)
  const chosen = new Uint32Array(most)
  const stretchOf = stretchesOf(stamps, Math.floor(most / 4))
  let taken = 0
  for (let from = 0; from < count;) {
    const stretch = stretchOf(from)
    let [least, greatest, to] = [from, from, from + 1]
    for (; to < count && stretchOf(to) === stretch; to++) {
      const value = values[to] as number
      if (value < (values[least] as number)) least = to
      if (value > (values[greatest] as number)) greatest = to
    }
    chosen[taken++] = from
    for (const place of [Math.min(least, greatest), Math.max(least, greatest), to - 1]) {
      if (place > (chosen[taken - 1] as number)) chosen[taken++] = place
    }
    from = to
  }
  return chosen.subarray(0, taken)
}
