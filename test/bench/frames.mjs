/** Seeded frames. */

/** Mulberry32: doubles in [0, 1). */
export function random(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const MINUTE = 60_000
export const START = Date.UTC(2015, 0, 1)
export const COLUMNS = ["a", "b", "c", "d", "e"]

/** A column's next value: prices that walk by cents, one value, a slow count, any double. */
const KINDS = {
  prices: (next, before = 10_000) => Math.max(1, before + Math.round((next() - 0.5) * 40)),
  constant: () => 42,
  counting: (next, before = 0) => before + (next() < 0.01 ? 1 : 0),
  doubles: (next) => next() * 10 ** Math.floor(next() * 6),
}

/** Rows by the minute, as text of orient split with epoch milliseconds, `size` rows a text. */
export function* splits(kind, rows, size, seed) {
  const next = random(seed)
  const state = COLUMNS.map(() => undefined)
  for (let from = 0; from < rows; from += size) {
    const index = []
    const data = []
    for (let row = from; row < Math.min(rows, from + size); row++) {
      index.push(START + row * MINUTE)
      for (const at of COLUMNS.keys()) state[at] = KINDS[kind](next, state[at])
      data.push(kind === "prices" ? state.map((cents) => cents / 100) : [...state])
    }
    yield JSON.stringify({ columns: COLUMNS, index, data })
  }
}

/** The stamp of a row, epoch milliseconds. */
export const stampOf = (row) => START + row * MINUTE
