/** Doubles as text. */
import fc from "fast-check"
import { expect, it } from "vitest"
import { floatText } from "../../src/series/json.ts"

it("a double is written with the fewest digits that give it again, and always with a point or an exponent", () => {
  const cents = fc.integer({ min: -(2 ** 50), max: 2 ** 50 }).map((whole) => whole / 100)
  const small = fc.integer({ min: -20_000, max: 20_000 }).map((whole) => whole / 100)
  const double = fc.oneof(cents, small, fc.double({ noNaN: true, noDefaultInfinity: true }))
  fc.assert(
    fc.property(double, (value) => {
      const text = floatText(value)
      expect(Number(text)).toBe(value)
      expect(text).toMatch(/[.e]/)
      if (value % 1 !== 0) expect(text).toBe(String(value))
      else if (Math.abs(value) < 1e16 && value !== 0) expect(text).toBe(`${value}.0`)
    }),
    { seed: 3, numRuns: 20_000 },
  )
  expect(
    [0, -0, 0.01, -0.1, 1.1, 99.99, -100, 21_474_836.47, 2_147_483_648.01].map(floatText),
  ).toEqual([
    "0.0",
    "-0.0",
    "0.01",
    "-0.1",
    "1.1",
    "99.99",
    "-100.0",
    "21474836.47",
    "2147483648.01",
  ])
})
