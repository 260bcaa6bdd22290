/** Largest Triangle Three Buckets: few points that look like many. Pure. */

/**
 * At most `most` places of points in order, the first and the last among them. After S. Steinarsson, "Downsampling
 * Time Series for Visual Representation" (2013): of each bucket, which are of equal numbers of points, the one that makes
 * the largest triangle with the one chosen before and the mean of the next bucket; of equal ones the first.
 * @param stamps increasing; @param values as many, none NaN
 */
export function lttb(stamps: Float64Array, values: Float64Array, most: number): Uint32Array {
  const count = values.length
  if (most >= count) return Uint32Array.from(values, (_, place) => place)
  if (most < 3) return Uint32Array.of(0, count - 1).subarray(0, most)
  const chosen = new Uint32Array(most)
  const size = (count - 2) / (most - 2)
  let before = 0
  let from = 1
  for (let bucket = 1; bucket < most - 1; bucket++) {
    const to = Math.floor(bucket * size) + 1
    const next = Math.min(Math.floor((bucket + 1) * size) + 1, count)
    const [stamp, value] = [stamps[before] as number, values[before] as number]
    let [meanStamp, meanValue] = [0, 0]
    for (let place = to; place < next; place++) {
      // Differences, for sums of stamps would leave what doubles count exactly.
      meanStamp += (stamps[place] as number) - stamp
      meanValue += (values[place] as number) - value
    }
    meanStamp /= next - to
    meanValue /= next - to
    let largest = -1
    let best = from
    for (let place = from; place < to; place++) {
      const run = (stamps[place] as number) - stamp
      const rise = (values[place] as number) - value
      const area = Math.abs(run * meanValue - meanStamp * rise)
      if (area > largest) [largest, best] = [area, place]
    }
    chosen[bucket] = best
    before = best
    from = to
  }
  chosen[most - 1] = count - 1
  return chosen
}
