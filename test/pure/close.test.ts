import { describe, expect, it } from "vitest"
import {
  closeReason,
  CLOSES,
  isReconnectable,
  retryHintIn,
  spreadMilliseconds,
} from "../../src/protocol/close.ts"
import { liveEndpoints } from "../../src/protocol/live.ts"
import { PROBLEMS } from "../../src/protocol/problem.ts"

describe("close codes", () => {
  it("say whether to connect again", () => {
    expect([1000, 1001, 1006, 1012, 4000, 4001, 4499, 5000].map(isReconnectable)).not.toContain(
      false,
    )
    expect([4500, 4501, 4503, 4999].map(isReconnectable)).not.toContain(true)
  })

  it("are all told in the description of the socket", () => {
    const { description } = liveEndpoints["live.connect"]
    const codes = [
      ...Object.keys(CLOSES).map(Number),
      ...Object.values(PROBLEMS).map(([, code]) => code),
    ]
    const rows = [...description.matchAll(/^\| (\d{4}) \| (yes|no) \| \w+ \| [A-Z]/gm)]
    expect(rows.map(([, code, again]) => [Number(code), again === "yes"])).toEqual(
      codes.sort((one, other) => one - other).map((code) => [code, isReconnectable(code)]),
    )
  })
})

describe("the reason of a close", () => {
  it("says when to come back", () => {
    const reason = closeReason("The service starts anew", 1_730)
    expect(reason).toBe("The service starts anew; retry_after_ms=1730")
    expect(retryHintIn(reason)).toBe(1_730)
    for (const text of [
      "",
      "bye",
      "retry_after_ms=",
      "retry_after_ms=5 or so",
      "x_retry_after_ms=5",
    ]) {
      expect(retryHintIn(text), text).toBeNull()
    }
  })

  it("fits a close frame, whatever it says, and cuts no character in two", () => {
    for (const letter of ["x", "ü", "潮", "🌊"]) {
      for (const hint of [undefined, 5_000]) {
        const reason = closeReason(letter.repeat(200), hint)
        const { length } = new TextEncoder().encode(reason)
        expect(length).toBeLessThanOrEqual(123)
        expect(length).toBeGreaterThan(119)
        expect(reason).not.toContain("\uFFFD")
        expect(retryHintIn(reason)).toBe(hint ?? null)
      }
    }
  })

  it("asks each for another time, none of them at once", () => {
    expect([0, 0.5, 0.75].map((chance) => spreadMilliseconds(1_000, () => chance))).toEqual([
      200, 600, 800,
    ])
  })
})
