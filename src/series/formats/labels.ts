/** Labels of an index that come in batches: what they are, the first batch says for all. Pure. */
import {
  EPOCH_MIN,
  epochMicroseconds,
  guessUnit,
  isDecimal,
  type EpochUnit,
} from "../../lib/epoch.ts"
import { STAMP_MAX, type IndexKind } from "../frame.ts"
import { parseMoment } from "../../lib/moment.ts"
import { STAMP_RANGE } from "../stamp.ts"
import { shorten } from "../../lines/bad.ts"

/** ISO 8601 with a zone or without, numbers that count from 1970 in a unit, or plain integers. */
type Form = "zoned" | "naive" | EpochUnit | "integer"

const FACTORS: Record<EpochUnit, number> = { s: 1_000_000, ms: 1_000, us: 1, ns: 0 }

// No stamp has more, and counting in bigints takes long for a million digits.
const LABEL_MAX_CHARACTERS = 60

/** The same rules as those of `readLabels` for a whole frame, but a label that breaks them spoils one line only. */
export class LabelReader {
  readonly #wanted: IndexKind | undefined
  #form: Form | null = null

  /** @param wanted what the series has, if it has anything: numbers are integers then, or else times */
  constructor(wanted?: IndexKind) {
    this.#wanted = wanted
  }

  /** Epoch numbers count in UTC, but say no zone; so they are what the series is, else naive. */
  get kind(): IndexKind {
    if (this.#form === "zoned") return "utc"
    if (this.#form === "integer") return "integer"
    return this.#form !== "naive" && this.#wanted === "utc" ? "utc" : "naive"
  }

  /** The first batch with a label that can be read decides; numbers are looked at together. */
  decide(labels: readonly string[]): void {
    if (this.#form) return
    const first = labels.find((label) => isNumber(label) || parseMoment(label))
    if (first === undefined) return
    if (!isNumber(first)) this.#form = parseMoment(first)?.zoned ? "zoned" : "naive"
    else this.#form = this.#formOfNumbers(labels.filter(isNumber))
  }

  /** The stamp of a label, or what is wrong with it as the end of a sentence about its line. */
  read(label: string): number | string {
    const form = this.#form
    if (form === "zoned" || form === "naive") return readMoment(label, form)
    if (form === null || !isNumber(label)) return refuse(label, unreadable(label, form))
    return form === "integer" ? readInteger(label) : readEpoch(label, form)
  }

  #formOfNumbers(numbers: string[]): Form {
    if (this.#wanted === "integer") return "integer"
    const isTime = this.#wanted !== undefined || numbers.every((text) => Number(text) > EPOCH_MIN)
    if (!isTime) return "integer"
    let unit: EpochUnit = "s"
    let most = 0
    for (const text of numbers) {
      const size = Math.abs(Number(text))
      const fitting = size > most ? guessUnit(text) : null
      if (fitting) [unit, most] = [fitting, size]
    }
    return unit
  }
}

function isNumber(label: string): boolean {
  return label.length <= LABEL_MAX_CHARACTERS && isDecimal(label)
}

function readMoment(label: string, form: "zoned" | "naive"): number | string {
  const moment = parseMoment(label)
  if (!moment) return refuse(label, unreadable(label, form))
  if (moment.finer) return refuse(label, "is finer than a microsecond")
  if (moment.zoned && form === "naive") return refuse(label, "has a zone, others have none")
  if (!moment.zoned && form === "zoned") return refuse(label, "has no zone, others have one")
  return within(moment.stamp, label)
}

function readEpoch(label: string, unit: EpochUnit): number | string {
  const number = Number(label)
  // As a label among others it would have made all of them integers; here it is a slip.
  if (number <= EPOCH_MIN) return refuse(label, "is too small for an epoch number")
  if (unit !== "ns" && Number.isSafeInteger(number)) return within(number * FACTORS[unit], label)
  const { whole, finer } = epochMicroseconds(label, unit)
  return finer ? refuse(label, "is finer than a microsecond") : within(Number(whole), label)
}

function readInteger(label: string): number | string {
  const number = Number(label)
  if (!Number.isInteger(number)) return refuse(label, "is no integer, others are")
  if (!Number.isSafeInteger(number)) return refuse(label, `is beyond ±${STAMP_MAX}`)
  // -0 would be a label of its own.
  return number + 0
}

function within(stamp: number, label: string): number | string {
  return Math.abs(stamp) <= STAMP_MAX ? stamp : refuse(label, `is outside ${STAMP_RANGE}`)
}

function unreadable(label: string, form: Form | null): string {
  if (label === "") return "is empty"
  if (form === null || (parseMoment(label) === null && !isNumber(label))) {
    return "is neither an ISO 8601 time nor a number"
  }
  return isNumber(label)
    ? "is a number, others are ISO 8601 times"
    : "is a time, others are numbers"
}

function refuse(label: string, flaw: string): string {
  return `has the label ${JSON.stringify(shorten(label))}, which ${flaw}`
}

/** The names of an index, in any case; of several columns the first counts. */
const INDEX_NAMES: ReadonlySet<string> = new Set(["index", "date", "time", "timestamp", "datetime"])

/** Which of the names is the index: the first that is called so, else the first at all; -1 when there is none. */
export function indexAmong(names: readonly string[]): number {
  const named = names.findIndex((name) => INDEX_NAMES.has(name.toLowerCase()))
  return named < 0 && names.length > 0 ? 0 : named
}

/** A name for the index that no column has. As the first name, `indexAmong` finds it, were not all ten taken. */
export function indexName(columns: readonly string[]): string {
  const taken = new Set(columns)
  const free = [...INDEX_NAMES].flatMap((name) => [name, name.toUpperCase()])
  let name = "index"
  for (let at = 0; taken.has(name); at++) name = free[at] ?? `index_${at}`
  return name
}
