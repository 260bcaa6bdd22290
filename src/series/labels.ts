/** The labels of an index as stamps or integers, told apart as pandas does. Pure. */
import { Problem } from "../protocol/problem.ts"
import { EPOCH_MIN, epochMicroseconds, guessUnit, isDecimal, type EpochUnit } from "../lib/epoch.ts"
import { STAMP_MAX, unitOf, type Frame, type IndexKind, type Json } from "./frame.ts"
import { parseMoment, type Moment } from "../lib/moment.ts"
import { STAMP_RANGE } from "./stamp.ts"

export type Labels = Pick<Frame, "index" | "kind" | "unit" | "zone">

/**
 * Numbers (also as text) are times when all of them are larger than a year of seconds, in the first unit of s, ms,
 * us, ns that fits them all; else they are integer labels. All other texts must be ISO 8601.
 * @param zone what a schema says of labels without a zone: "utc" makes them UTC
 * Throws Problem naming the label: invalid_request when it is neither, unprocessable when it cannot be kept.
 */
export function readLabels(labels: readonly Json[], zone?: "utc"): Labels {
  if (labels.length === 0) return { ...integerLabels(0), kind: zone ?? "naive" }
  if (numberText(labels[0] ?? null) === null) return readMoments(labels, zone)
  const texts = labels.map(
    (label, row) => numberText(label) ?? refuse(labels, row, "is not a number like the others"),
  )
  return texts.every((text) => Number(text) > EPOCH_MIN)
    ? readEpochs(labels, texts)
    : readIntegers(labels, texts)
}

/** The same for numbers; null where that is for `readLabels` to tell, or to refuse. */
export function readNumbers(numbers: Float64Array): Labels | null {
  let least = Infinity
  let farthest = -Infinity
  for (let row = 0; row < numbers.length; row++) {
    const number = numbers[row] as number
    if (Math.floor(number) !== number) return null
    if (number < least) least = number
    if (number > farthest) farthest = number
  }
  if (Math.max(-least, farthest) > STAMP_MAX) return null
  const unit = least > EPOCH_MIN ? guessUnit(String(farthest)) : "us"
  const factor = unit === null ? 0 : FACTORS[unit]
  if (factor === 0 || farthest * factor > STAMP_MAX) return null
  const index = new Float64Array(numbers.length)
  // -0 would be a label of its own.
  for (let row = 0; row < index.length; row++) index[row] = (numbers[row] as number) * factor + 0
  if (least <= EPOCH_MIN) return { index, kind: "integer", unit: "ms" }
  return { index, kind: "naive", unit: unitOf(index, "naive") }
}

/** 0 … count - 1. */
export function integerLabels(count: number): Labels {
  return {
    index: Float64Array.from({ length: count }, (_, row) => row),
    kind: "integer",
    unit: "ms",
  }
}

/** Labels that are integers whatever their size. Throws Problem as `readLabels` does. */
export function readIntegerLabels(labels: readonly Json[]): Labels {
  const texts = labels.map(
    (label, row) => numberText(label) ?? refuse(labels, row, "is no integer"),
  )
  return readIntegers(labels, texts)
}

function numberText(label: Json): string | null {
  if (typeof label !== "string" && typeof label !== "number" && typeof label !== "bigint")
    return null
  const text = String(label)
  return isDecimal(text) ? text : null
}

function readMoments(labels: readonly Json[], zone?: "utc"): Labels {
  const index = new Float64Array(labels.length)
  let zoned = -1
  let naive = -1
  for (const [row, label] of labels.entries()) {
    const moment = typeof label === "string" ? parseMoment(label) : null
    if (!moment) refuse(labels, row, "is neither an ISO 8601 time nor an epoch number")
    index[row] = keep(moment, labels, row)
    if (moment.zoned) zoned = row
    else naive = row
  }
  if (zone === undefined && zoned >= 0 && naive >= 0) {
    throw new Problem(
      "unprocessable",
      `The index mixes times with a zone (${show(labels[zoned])}) and without (${show(labels[naive])})`,
      { errors: { [`index.${naive}`]: "has no zone, others have" } },
    )
  }
  const kind: IndexKind = zone ?? (zoned >= 0 ? "utc" : "naive")
  return { index, kind, unit: unitOf(index, kind) }
}

function keep(moment: Moment, labels: readonly Json[], row: number): number {
  if (moment.finer) lose(labels, row, "is finer than a microsecond")
  return within(moment.stamp, labels, row)
}

const FACTORS: Record<EpochUnit, number> = { s: 1_000_000, ms: 1_000, us: 1, ns: 0 }

function readEpochs(labels: readonly Json[], texts: string[]): Labels {
  const farthest = texts.reduce((most, text) => (Number(text) > Number(most) ? text : most))
  const unit =
    guessUnit(farthest) ?? lose(labels, texts.indexOf(farthest), "is later than any time")
  const index = new Float64Array(texts.length)
  for (const [row, text] of texts.entries()) {
    const number = Number(text)
    if (unit !== "ns" && Number.isSafeInteger(number)) {
      index[row] = within(number * FACTORS[unit], labels, row)
      continue
    }
    const { whole, finer } = epochMicroseconds(text, unit)
    if (finer) lose(labels, row, "is finer than a microsecond")
    index[row] = within(Number(whole), labels, row)
  }
  return { index, kind: "naive", unit: unitOf(index, "naive") }
}

function readIntegers(labels: readonly Json[], texts: string[]): Labels {
  const index = new Float64Array(texts.length)
  for (const [row, text] of texts.entries()) {
    const number = Number(text)
    if (!Number.isInteger(number))
      refuse(labels, row, "is no integer, and too small for an epoch number")
    if (!Number.isSafeInteger(number)) lose(labels, row, `is beyond ±${STAMP_MAX}`)
    // -0 would be a label of its own.
    index[row] = number + 0
  }
  return { index, kind: "integer", unit: "ms" }
}

function within(stamp: number, labels: readonly Json[], row: number): number {
  if (Math.abs(stamp) > STAMP_MAX) lose(labels, row, `is outside ${STAMP_RANGE}`)
  return stamp
}

function refuse(labels: readonly Json[], row: number, flaw: string): never {
  throw labelProblem("invalid_request", labels, row, flaw)
}

function lose(labels: readonly Json[], row: number, flaw: string): never {
  throw labelProblem("unprocessable", labels, row, flaw)
}

function labelProblem(
  code: "invalid_request" | "unprocessable",
  labels: readonly Json[],
  row: number,
  flaw: string,
): Problem {
  const detail = `The label of row ${row}, ${show(labels[row])}, ${flaw}`
  return new Problem(code, detail, { errors: { [`index.${row}`]: flaw } })
}

const SHOWN_CHARACTERS = 60

function show(label: Json | undefined): string {
  const text = typeof label === "bigint" ? String(label) : (JSON.stringify(label) ?? "nothing")
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}
