/** Sets of stamps as sorted ranges that do not touch; both ends belong to a range. Pure. */

export type Span = readonly [first: number, last: number]

/** The smallest level whose 4^level is more than the length of the span; 27 for all of time. */
export function levelOf([first, last]: Span): number {
  let level = 0
  for (let length = 1; length <= last - first; length *= 4) level++
  return level
}

/** Adds a span, growing together with what it overlaps or adjoins. */
export function cover(spans: Span[], [first, last]: Span): void {
  const from = firstReaching(spans, first - 1)
  let to = from
  let [low, high] = [first, last]
  for (; to < spans.length && (spans[to] as Span)[0] <= last + 1; to++) {
    low = Math.min(low, (spans[to] as Span)[0])
    high = Math.max(high, (spans[to] as Span)[1])
  }
  spans.splice(from, to - from, [low, high])
}

/** What the spans leave of a span. */
export function uncovered(spans: readonly Span[], [first, last]: Span): Span[] {
  const rest: Span[] = []
  let from = first
  for (let at = firstReaching(spans, first); at < spans.length; at++) {
    const [low, high] = spans[at] as Span
    if (low > last) break
    if (low > from) rest.push([from, low - 1])
    from = Math.max(from, high + 1)
  }
  if (from <= last) rest.push([from, last])
  return rest
}

/** The first span that ends at the stamp or after it. */
function firstReaching(spans: readonly Span[], stamp: number): number {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((spans[middle] as Span)[1] < stamp) low = middle + 1
    else high = middle
  }
  return low
}
