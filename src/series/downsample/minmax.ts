/** The least and the greatest value of every stretch of time: no peak is lost. Pure. */

/**
 * At most `most` places of points in order: the first, the last, and between them the least and the greatest of each
 * of `(most - 2) / 2` stretches of equal time; of equal values the first.
 * @param stamps increasing; @param values as many, none NaN
 */
export function minmax(stamps: Float64Array, values: Float64Array, most: number): Uint32Array {
  const count = values.length
  if (most >= count) return Uint32Array.from(values, (_, place) => place)
  if (most < 2) return Uint32Array.of(0).subarray(0, most)
  const chosen = new Uint32Array(most)
  const stretches = Math.floor((most - 2) / 2)
  const stretchOf = stretchesOf(stamps, stretches)
  let taken = 1
  const end = stretches > 0 ? count - 1 : 0
  for (let from = 1; from < end;) {
    const stretch = stretchOf(from)
    let [least, greatest, to] = [from, from, from + 1]
    for (; to < end && stretchOf(to) === stretch; to++) {
      const value = values[to] as number
      if (value < (values[least] as number)) least = to
      if (value > (values[greatest] as number)) greatest = to
    }
    chosen[taken++] = Math.min(least, greatest)
    if (least !== greatest) chosen[taken++] = Math.max(least, greatest)
    from = to
  }
  chosen[taken++] = count - 1
  return chosen.subarray(0, taken)
}

/** Which of some stretches of equal time a place lies in; the time of all is that from the first to the last stamp. */
export function stretchesOf(stamps: Float64Array, stretches: number): (place: number) => number {
  const first = stamps[0] as number
  const span = (stamps.at(-1) as number) - first
  // Multiplied first, a stamp on the edge of a stretch stays on its side of it.
  return (place) =>
    Math.min(stretches - 1, Math.floor((((stamps[place] as number) - first) * stretches) / span))
}
