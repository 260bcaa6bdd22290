import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { maskOfNumber, readNumber } from "../../src/series/formats/numbers.ts"
import * as kinds from "../../src/series/kinds.ts"

const isFloat = (text: string) => maskOfNumber(readNumber(text) as number, text) === kinds.FLOAT

describe("a number in a text", () => {
  it("is the double that JavaScript makes of it, to the last bit", () => {
    const text = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toExponential()),
      fc.tuple(fc.integer(), fc.nat(99)).map(([whole, part]) => `${whole}.${part}`),
      fc.stringMatching(/^[+-]?\d{1,25}\.\d{0,30}$/),
      fc.stringMatching(/^[+-]?\.\d{1,30}([eE][+-]?\d{1,3})?$/),
      fc.stringMatching(/^-?\d{1,15}$/),
    )
    fc.assert(
      fc.property(text, (number) => {
        expect(readNumber(`x${number}y`, 1, number.length + 1)).toBe(Number(number))
      }),
      { seed: 7, numRuns: 2_000 },
    )
  })

  it("keeps all digits of an integer of 64 bits, and is none beyond", () => {
    expect(readNumber("9007199254740993")).toBe(9007199254740993n)
    expect(readNumber("9223372036854775807")).toBe(2n ** 63n - 1n)
    expect(readNumber("-9223372036854775808")).toBe(-(2n ** 63n))
    expect(readNumber("9223372036854775808")).toBeNull()
    expect(readNumber("1".repeat(40))).toBeNull()
    expect(readNumber("9007199254740991")).toBe(Number.MAX_SAFE_INTEGER)
    expect(readNumber(`${"0".repeat(40)}7`)).toBe(7)
  })

  it("is neither hexadecimal, grouped, nor a word", () => {
    const texts = [
      "",
      "+",
      "-",
      ".",
      "-.",
      "1e",
      "e5",
      "0x10",
      "0b1",
      "1_000",
      "1 000",
      "1.2.3",
      "1n",
    ]
    for (const text of [...texts, "Infinity", "NaN", "١", " 1"]) expect(readNumber(text)).toBeNull()
  })

  it("is an integer where it is written as one", () => {
    expect(["1", "007", "+3", "-12"].filter(isFloat)).toEqual([])
    expect(["1.0", "1e3", "1.", "-0", "-0.0", "1E+2"].filter((text) => !isFloat(text))).toEqual([])
  })
})
