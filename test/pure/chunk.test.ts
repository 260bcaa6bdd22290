import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fromBase64, toBase64 } from "../../src/lib/base64.ts"
import { crc32 } from "../../src/lib/crc32.ts"
import { Packer, Unpacker } from "../../src/lib/packing.ts"
import { decodeChunk, encodeChunk } from "../../src/series/chunk.ts"
import { STAMP_MAX, type Column, type Frame, type Json } from "../../src/series/frame.ts"
import { columnOf } from "../../src/series/kinds.ts"

const DAY = 86_400_000_000

function frame(columns: Column[], rows = columns[0]?.values.length ?? 0): Frame {
  return {
    index: Float64Array.from({ length: rows }, (_, row) => row * DAY),
    kind: "naive",
    unit: "ms",
    columns,
  }
}

/** The same, with values that are made when they are asked for made now. */
function plain(whole: Frame): Frame {
  const columns = whole.columns.map(({ name, kind, values }) => ({ name, kind, values }) as Column)
  return { ...whole, columns }
}

function roundTrip(column: Column): Column | undefined {
  return plain(decodeChunk(encodeChunk(frame([column])))).columns[0]
}

const float = (...values: number[]) => columnOf("v", "float64", values)

/** Bytes of a chunk for one value, the index and headers included. */
function bytesPerValue(column: Column): number {
  return encodeChunk(frame([column])).length / column.values.length
}

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
})
const decimal = fc
  .tuple(fc.integer(), fc.integer({ min: 0, max: 8 }))
  .map(([n, scale]) => n / 10 ** scale)
const doubles = fc.oneof(
  fc.double({ noNaN: true }),
  decimal,
  fc.float({ noNaN: true }),
  fc.constant(-0),
)
const json = fc
  .jsonValue()
  .filter((value) => !JSON.stringify(value).includes("-0")) as fc.Arbitrary<Json>
const text = fc.string({ unit: "grapheme" })

const columns: Record<string, fc.Arbitrary<Column>> = {
  float64: fc
    .array(fc.oneof({ weight: 5, arbitrary: doubles }, fc.constant(NaN)))
    .map((v) => columnOf("v", "float64", v)),
  decimals: fc.array(decimal).map((v) => columnOf("v", "float64", v)),
  int64: fc.array(fc.option(int64)).map((v) => columnOf("v", "int64", v)),
  small: fc.array(fc.integer({ min: -3, max: 3 })).map((v) => columnOf("v", "int64", v)),
  boolean: fc.array(fc.option(fc.boolean())).map((v) => columnOf("v", "boolean", v)),
  string: fc.array(fc.option(text)).map((v) => columnOf("v", "string", v)),
  words: fc
    .array(fc.option(fc.constantFrom("up", "down", "\ufeffbom", "")))
    .map((v) => columnOf("v", "string", v)),
  surrogates: fc.array(fc.string({ unit: "binary" })).map((v) => columnOf("v", "string", v)),
  json: fc.array(json).map((v) => columnOf("v", "json", v)),
  null: fc.array(fc.constant(null)).map((v) => columnOf("v", "null", v)),
}

describe("a chunk", () => {
  it.each(Object.keys(columns))("gives back a column of %s, bit for bit", (kind) => {
    fc.assert(
      fc.property(columns[kind] as fc.Arbitrary<Column>, (column) => {
        expect(roundTrip(column)).toStrictEqual(column)
      }),
      { seed: 7, numRuns: 300 },
    )
  })

  it("gives back any index, increasing or not", () => {
    const stamp = fc.oneof(
      fc.integer({ min: -STAMP_MAX, max: STAMP_MAX }),
      fc.integer({ min: -40, max: 40 }).map((day) => day * DAY),
    )
    fc.assert(
      fc.property(fc.array(stamp), (stamps) => {
        const index = Float64Array.from(stamps, (value) => value + 0)
        const decoded = decodeChunk(encodeChunk({ index, kind: "utc", unit: "us", columns: [] }))
        expect(decoded).toStrictEqual({ index, kind: "utc", unit: "us", columns: [] })
      }),
      { seed: 7, numRuns: 500 },
    )
  })

  it("keeps the order of the columns and names of every sort", () => {
    const names = ["b", "a", "", "__proto__", "日本 🎉", "10", "9", "\ufeff"]
    const before = frame(names.map((name, at) => columnOf(name, "int64", [at, null])))
    expect(plain(decodeChunk(encodeChunk(before)))).toStrictEqual(before)
  })

  it("keeps whole numbers around those of 31 bits", () => {
    for (const last of [2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1]) {
      for (const values of [
        [2e9, last, NaN, last - 11],
        [-2e9, -last, NaN, 11 - last],
        [2e9, ...Array.from({ length: 9 }, (_, at) => last - 30 + 5 * at), last, last, last],
      ]) {
        const column = columnOf("v", "float64", [1e9 * Math.sign(values[0] as number), ...values])
        expect(roundTrip(column)).toStrictEqual(column)
      }
    }
  })

  it("keeps the extremes of every number, -0 among them", () => {
    const values = [
      -0,
      0,
      5e-324,
      -5e-324,
      Number.MAX_VALUE,
      -Number.MAX_VALUE,
      0.1 + 0.2,
      1 / 3,
      2 ** 53,
      1e21,
      -1e-7,
      Infinity,
    ]
    expect(roundTrip(float(...values))).toStrictEqual(float(...values))
    for (const value of values)
      expect(roundTrip(float(value, value))).toStrictEqual(float(value, value))
    expect(roundTrip(float(1.5, -0))).toStrictEqual(float(1.5, -0))
    const integers = columnOf("v", "int64", [
      2n ** 63n - 1n,
      -(2n ** 63n),
      0,
      null,
      2 ** 53 - 1,
      2n ** 53n + 1n,
    ])
    expect(roundTrip(integers)).toStrictEqual(integers)
  })

  it("is small for what people store", () => {
    const rows = Array.from({ length: 1_000 }, (_, row) => row)
    let price = 10_000
    const prices = rows.map((row) => (price += ((row * 7_919) % 121) - 60) / 100)
    expect(bytesPerValue(float(...prices))).toBeLessThan(2)
    expect(bytesPerValue(float(...rows.map(() => 21.5)))).toBeLessThan(0.2)
    expect(bytesPerValue(float(...rows.map((row) => Math.sin(row))))).toBeLessThan(11)
    expect(bytesPerValue(float(...rows.map((row) => Math.fround(Math.sin(row)))))).toBeLessThan(5.6)
    expect(
      bytesPerValue(
        columnOf(
          "v",
          "boolean",
          rows.map((row) => row % 3 === 0),
        ),
      ),
    ).toBeLessThan(0.3)
    expect(
      bytesPerValue(
        columnOf(
          "v",
          "string",
          rows.map((row) => ["buy", "sell"][row % 2] as string),
        ),
      ),
    ).toBeLessThan(1.5)
  })

  it("never gives other values for bytes that were changed", () => {
    const chunk = encodeChunk(
      frame([float(1.25, 2.5, NaN), columnOf("s", "string", ["a", "b", null])]),
    )
    const bytes = fromBase64(chunk)
    for (let at = 0; at < bytes.length * 8; at++) {
      const flipped = bytes.slice()
      flipped[at >> 3] = (flipped[at >> 3] as number) ^ (1 << (at & 7))
      expect(() => decodeChunk(toBase64(flipped))).toThrow(
        /^it (begins with|has version|s checksum)|^its checksum/,
      )
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeChunk(toBase64(bytes.subarray(0, length)))).toThrow(/^its? /)
    }
  })

  it("says what is wrong with a text that is no chunk", () => {
    expect(() => decodeChunk("not base64!")).toThrow("it is not base64")
    expect(() => decodeChunk("")).toThrow("it has 0 bytes, fewer than the smallest chunk")
    expect(() => decodeChunk(btoa("PK\u0003\u0004 and more"))).toThrow(
      'it begins with "PK\\u0003", not "TMS"',
    )
    expect(() => decodeChunk(btoa("TMS\u0002 and more"))).toThrow("it has version 2, known is 1")
  })

  it("fails on bytes that are wrong although their checksum is right", () => {
    const body = fromBase64(encodeChunk(frame([float(1, 2, 3)]))).slice(0, -4)
    for (let at = 4; at < body.length; at++) {
      for (const value of [0, 1, 2, 3, 9, 127, 128, 255]) {
        const changed = body.slice()
        changed[at] = value
        const packer = new Packer()
        packer.bytes(changed)
        packer.uint32(crc32(changed))
        try {
          decodeChunk(toBase64(packer.done()))
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }
    }
  })

  it("of version 1 can still be read", () => {
    // Written by the first version; must never be made anew.
    const golden = [
      "VE1TAQMBAQEAAP6eLy4UQwGBgLvdgwX+/7rdgwUHBXByaWNlAwgBAgICm54BMwNyYXcDGgAAVVVVVVVV",
      "1T9VVVVVVVXlPwAAAAAAAACAAmlkAhcBBAH+//////////8B7///////////AQJ1cAEDAQIBA3dobwQL",
      "AQQBAQcDQWRhAQEEbW9yZQUpKFt7ImEiOlsxLDExNTI5MjE1MDQ2MDY4NDY5NzddfSwieCIsbnVsbF0E",
      "bm9uZQAAFBiHBQ==",
    ].join("")
    expect(encodeChunk(goldenFrame)).toBe(golden)
    expect(plain(decodeChunk(golden))).toStrictEqual(goldenFrame)
  })
})

const goldenFrame: Frame = {
  index: Float64Array.of(1_420_070_400_000_000, 1_420_156_800_000_000, 1_420_156_800_000_001),
  kind: "utc",
  unit: "us",
  columns: [
    columnOf("price", "float64", [101.25, null, 101.5]),
    columnOf("raw", "float64", [1 / 3, 2 / 3, -0]),
    columnOf("id", "int64", [2n ** 63n - 1n, 7, null]),
    columnOf("up", "boolean", [true, null, false]),
    columnOf("who", "string", ["Ada", "Ada", null]),
    columnOf("more", "json", [{ a: [1, 2n ** 60n + 1n] }, "x", null]),
    columnOf("none", "null", [null, null, null]),
  ],
}

describe("base64 and packing", () => {
  it("keep bytes of any length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect([...fromBase64(toBase64(bytes))]).toEqual([...bytes])
      }),
    )
    const large = new Uint8Array(100_001).map((_, at) => at * 31)
    expect(fromBase64(toBase64(large))).toStrictEqual(large)
  })

  it("keep every varint up to 2^53-1", () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat()), (numbers) => {
        const packer = new Packer(1)
        for (const number of numbers) packer.varint(number)
        const unpacker = new Unpacker(packer.done())
        expect(numbers.map(() => unpacker.varint())).toEqual(numbers)
        expect(unpacker.left).toBe(0)
      }),
    )
    expect(() => new Unpacker(Uint8Array.of(255, 255)).varint()).toThrow("end too early")
    expect(() => new Unpacker(new Uint8Array(20).fill(255)).varint()).toThrow("does not end")
    expect(() => new Unpacker(new Uint8Array(20).fill(255)).bigVarint()).toThrow("does not end")
  })

  it("check as zip does", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926)
  })
})
