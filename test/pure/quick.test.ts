/** The orients read from bytes, beside the readers that know every form: the same frame, or left to them. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Orient } from "../../src/protocol/orients.ts"
import { Problem } from "../../src/protocol/problem.ts"
import type { Frame, Json } from "../../src/series/frame.ts"
import { jsonText } from "../../src/series/json.ts"
import { readFrame } from "../../src/series/orient.ts"
import { readQuickly } from "../../src/series/orients/quick.ts"
import { goldens } from "./goldens/pandas.json"

const QUICK = ["columns", "index", "split", "records", "values"] as const
const RUNS = 4_000

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false })

/** What the readers that know every form make of it; null when they refuse. */
function slowly(bytes: Uint8Array, orient: Orient): Frame | null {
  try {
    return readFrame(decoder.decode(bytes), orient)
  } catch (error) {
    if (error instanceof Problem || error instanceof TypeError) return null
    throw error
  }
}

function same(bytes: Uint8Array, orient: Orient): boolean {
  const quick = readQuickly(bytes, orient)
  if (quick) expect(quick).toStrictEqual(slowly(bytes, orient))
  return quick !== null
}

function decimalText(all: string, decimals: number): string {
  const padded = all.padStart(decimals + 1, "0")
  return `${padded.slice(0, padded.length - decimals)}.${padded.slice(padded.length - decimals)}`
}

/** Numbers as texts, of every kind of digits. */
const digits = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.tuple(fc.integer(), fc.nat(99)).map(([whole, part]) => `${whole}.${part}`),
  fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 23n }), fc.nat(24))
    .map(([all, decimals]) => decimalText(String(all), decimals)),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String),
  fc.constantFrom(
    "0",
    "-0",
    "-0.0",
    "1.0",
    "0.1",
    "1e5",
    "1E-7",
    "-1.5e+3",
    "4.35",
    "123456789.123456",
  ),
  fc.constantFrom(
    "999999999999999",
    "9007199254740993",
    "0.3000000000000000444",
    "1e400",
    "5e-324",
  ),
  fc.constantFrom(
    "01",
    "-",
    "+1",
    "1.",
    ".5",
    "1e",
    "--1",
    "0x1",
    "NaN",
    "-Infinity",
    "1_0",
    "00",
    "1.2.3",
  ),
)
const value = fc.oneof(
  { weight: 12, arbitrary: digits },
  { weight: 2, arbitrary: fc.constantFrom("null", "true", "false", "nul", "nullx") },
  { weight: 1, arbitrary: fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)) },
  { weight: 1, arbitrary: fc.jsonValue().map((json) => jsonText(json as Json)) },
)
/** Columns of one kind are likelier than any mixture of values. */
const column = fc.oneof(
  fc.constant(fc.integer({ min: -100_000, max: 100_000 }).map((cents) => String(cents / 100))),
  fc.constant(fc.integer().map(String)),
  fc.constant(
    fc.oneof(fc.constant("null"), fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)),
  ),
  fc.constant(fc.string({ unit: "binary" }).map((text) => JSON.stringify(text))),
  fc.constant(value),
)
const name = fc.oneof(
  fc.constantFrom("a", "b", "0", "1", "2", "10", "007", "__proto__", "é"),
  fc.string(),
)
const day = (row: number) => new Date(1.42e12 + row * 864e5).toISOString()
const labels = fc.constantFrom(
  (row: number) => String(1_420_070_400_000 + row * 60_000),
  (row: number) => String(1_420_070_400 + row),
  (row: number) => `${1_420_070_400_000_000_000n + BigInt(row) * 1_000n}`,
  (row: number) => String(row),
  (row: number) => String(20 - row * 3),
  (row: number) => String(31_536_000 + row),
  (row: number) => String(row % 3),
  (row: number) => `${row}.0`,
  (row: number) => (row === 2 ? "1.5" : String(row)),
  day,
  (row: number) => day(row).slice(0, 10),
  (row: number) => day(row).slice(0, -1),
  (row: number) => (row % 2 === 0 ? day(row) : String(row)),
  (row: number) => `+${row}`,
)
const space = fc.constantFrom("", "", "", " ", "\n\t", "\r\n ", "\u00a0")

interface Sheet {
  names: string[]
  cells: string[][]
  label: (row: number) => string
  gap: string
}

const sheets: fc.Arbitrary<Sheet> = fc
  .record({
    columns: fc.array(fc.tuple(name, column), { maxLength: 5 }),
    rows: fc.nat(6),
    label: labels,
    gap: space,
  })
  .chain(({ columns, rows, label, gap }) =>
    fc
      .tuple(...columns.map(([, one]) => fc.array(one, { minLength: rows, maxLength: rows })))
      .map((cells) => ({ names: columns.map(([one]) => one), cells, label, gap })),
  )

/** The text of a sheet in an orient. */
function textOf({ names, cells, label, gap }: Sheet, orient: (typeof QUICK)[number]): string {
  const rows = Array.from(cells[0] ?? [], (_, row) => row)
  const list = (all: string[]) => `[${gap}${all.join(`,${gap}`)}${gap}]`
  const object = (all: [string, string][]) =>
    `{${gap}${all.map(([key, one]) => `${key}${gap}:${gap}${one}`).join(`${gap},`)}}${gap}`
  const keys = names.map((one) => JSON.stringify(one))
  const quoted = rows.map((row) => JSON.stringify(label(row)))
  const cell = (row: number) => cells.map((one) => one[row] ?? "null")
  const member = (row: number) => object(cell(row).map((one, at) => [keys[at] ?? "", one]))
  switch (orient) {
    case "columns":
      return object(
        keys.map((key, at) => [
          key,
          object(rows.map((row) => [quoted[row] ?? "", cells[at]?.[row] ?? ""])),
        ]),
      )
    case "index":
      return object(rows.map((row) => [quoted[row] ?? "", member(row)]))
    case "records":
      return list(rows.map(member))
    case "values":
      return list(rows.map((row) => list(cell(row))))
    case "split": {
      const isText = rows.some((row) => !/^-?\d+$/.test(label(row)))
      const index = rows.map((row) => (isText ? (quoted[row] ?? "") : label(row)))
      return object([
        ['"columns"', list(keys)],
        ['"index"', list(index)],
        ['"data"', list(rows.map((row) => list(cell(row))))],
      ])
    }
  }
}

/** Something that happens to a text: one byte comes, goes or changes. */
const accident = fc.record({
  at: fc.nat(),
  cut: fc.nat(1),
  put: fc.oneof(
    fc.constantFrom(...'{}[]",:0123456789.-+eEntf \\\u0000').map((one) => encoder.encode(one)),
    fc.uint8Array({ maxLength: 1 }),
  ),
})

function befall(bytes: Uint8Array, { at, cut, put }: { at: number; cut: number; put: Uint8Array }) {
  const place = at % (bytes.length + 1)
  return Uint8Array.from([...bytes.subarray(0, place), ...put, ...bytes.subarray(place + cut)])
}

describe("frames read from bytes", () => {
  it("are those that the other readers make, whatever the text", () => {
    let taken = 0
    fc.assert(
      fc.property(sheets, fc.constantFrom(...QUICK), (sheet, orient) => {
        if (same(encoder.encode(textOf(sheet, orient)), orient)) taken++
      }),
      { numRuns: RUNS },
    )
    expect(taken).toBeGreaterThan(RUNS / 10)
  })

  it("are left to the other readers when they refuse the text", () => {
    fc.assert(
      fc.property(sheets, fc.constantFrom(...QUICK), accident, (sheet, orient, one) => {
        same(befall(encoder.encode(textOf(sheet, orient)), one), orient)
      }),
      { numRuns: RUNS },
    )
  })

  it("have the very doubles that JSON.parse gives", () => {
    fc.assert(
      fc.property(fc.array(digits, { minLength: 1, maxLength: 20 }), (texts) => {
        same(encoder.encode(`[${texts.map((text) => `[${text}]`).join()}]`), "values")
      }),
      { numRuns: RUNS },
    )
  })

  it.each(QUICK)("are taken as pandas writes them: %s", (orient) => {
    for (const [golden, texts] of Object.entries(goldens)) {
      if (golden === "empty") continue
      expect(same(encoder.encode(texts[orient]), orient), golden).toBe(true)
    }
  })

  it.each([
    ["split", '{"data":[[1]],"data":[[2]]}'],
    ["split", '{"columns":["a"],"index":[1],"data":[[1,2]]}'],
    ["split", '{"columns":"a","index":[1],"data":[[1]]}'],
    ["split", '{"columns":["a"],"index":[1,2],"data":[[1]]}'],
    ["split", '{"columns":["a","a"],"index":[1],"data":[[1,2]]}'],
    ["records", '[{"a":1},{"b":1}]'],
    ["records", '[{"a":1,"a":2}]'],
    ["records", '[{"b":1,"0":2}]'],
    ["records", '[{"a":1},{"a":1,"b":2}]'],
    ["columns", '{"a":{"1":1,"0":2}}'],
    ["columns", '{"a":{"0":1,"0":2}}'],
    ["columns", '{"a":{"1.0":1,"2":2}}'],
    ["columns", '{"a":{"0":1},"b":{"1":2}}'],
    ["values", "[[1],[2]] 3]"],
    ["values", "[[1],[]]"],
    ["values", ""],
  ] as const)("are left alone in the orient %s: %s", (orient, text) => {
    expect(readQuickly(encoder.encode(text), orient)).toBeNull()
  })
})
