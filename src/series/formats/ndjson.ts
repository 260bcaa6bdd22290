/** JSON lines in: an object a line, in batches. */
import { SERIES_MAX_COLUMNS } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import { unitOf, type Frame, type IndexKind, type Json } from "../frame.ts"
import { flawOf, jsonText, parseJson } from "../json.ts"
import { objectAt } from "../orients/read.ts"
import { twiceIn } from "../../lib/twice.ts"
import { badLine, shorten, type BadLine } from "../../lines/bad.ts"
import { isFull, type Batch } from "./batch.ts"
import { indexAmong, LabelReader } from "./labels.ts"
import { readLines, type Line } from "../../lines/lines.ts"
import { gather, type Entry } from "./members.ts"
import type { StreamOptions } from "../../lines/unzip.ts"

export interface NdjsonOptions extends StreamOptions {
  /** The index's member. Without: of the first object the first called index, date, …, else its first. */
  index?: string
  /** What the series' index is, if there is a series. */
  kind?: IndexKind
}

/**
 * The rows of JSON lines, in batches. Absent members are null, nested values stay JSON, integers keep their digits,
 * `1.0` is a float. A column is in a batch when one of its lines has it, of the kind that this batch needs. Bad lines:
 * no JSON object, without the index or with a label that is no stamp or of another form than the first, with a value
 * that cannot be kept exactly, and what `readLines` could not read. Blank lines are passed over.
 * Throws Problem as `readLines` does.
 */
export async function* readNdjson(
  stream: ReadableStream<Uint8Array>,
  options: NdjsonOptions = {},
): AsyncGenerator<Batch> {
  const reader = new NdjsonReader(options)
  for await (const lines of readLines(stream, options)) {
    for (const line of lines) {
      if (!reader.add(line)) {
        yield reader.take()
        reader.add(line)
      }
    }
  }
  if (reader.hasLines) yield reader.take()
}

interface Row extends Entry {
  label: string
}

class NdjsonReader {
  #index: string | undefined
  readonly #labels: LabelReader
  #rows: Row[] = []
  #names = new Set<string>()
  #bad: BadLine[] = []
  #first = 0
  #last = 0
  #characters = 0

  constructor({ index, kind }: NdjsonOptions) {
    this.#index = index
    this.#labels = new LabelReader(kind)
  }

  get hasLines(): boolean {
    return this.#first > 0
  }

  /** False when there is no room for the line in this batch: it has to come again in the next. */
  add(line: Line): boolean {
    if (line.flaw === null && line.text.trim() === "") return true
    const row = line.flaw ?? this.#read(line.text)
    const names = typeof row === "string" ? [] : Object.keys(row.members)
    const fresh = names.filter((name) => !this.#names.has(name))
    const rows = this.#rows.length
    const columns = this.#names.size + fresh.length
    if (isFull(rows + this.#bad.length, rows * columns, this.#characters)) return false
    this.#first ||= line.number
    this.#last = line.number
    this.#characters += line.text.length
    if (typeof row === "string") this.#bad.push(badLine(line, row))
    // One of them is the index.
    else if (columns > SERIES_MAX_COLUMNS + 1) {
      const flaw = `brings the columns to ${columns - 1}, the limit is ${SERIES_MAX_COLUMNS}`
      this.#bad.push(badLine(line, flaw))
    } else {
      this.#rows.push({ ...row, line })
      for (const name of fresh) this.#names.add(name)
    }
    return true
  }

  /** The batch so far; the next begins. */
  take(): Batch {
    const frame = this.#frame()
    const bad = this.#bad.toSorted((one, other) => one.line - other.line)
    const batch: Batch = { frame, lines: [this.#first, this.#last], bad }
    this.#rows = []
    this.#names = new Set()
    this.#bad = []
    this.#first = 0
    this.#characters = 0
    return batch
  }

  /** A line's members and label, or what is wrong with it. */
  #read(text: string): Omit<Row, "line"> | string {
    const members = readObject(text)
    if (typeof members === "string") return members
    this.#index ??= nameOfIndex(members)
    const index = this.#index ?? "index"
    if (!Object.hasOwn(members, index)) return `has no member "${shorten(index)}", the index`
    const label = members[index] as Json
    if (typeof label === "object" || typeof label === "boolean") {
      return `has the label ${shorten(jsonText(label))}, which must be a text or a number`
    }
    return flawAmong(members, index) ?? { label: String(label), members }
  }

  #frame(): Frame {
    this.#labels.decide(this.#rows.map(({ label }) => label))
    const stamps: number[] = []
    const rows = this.#rows.filter(({ label, line }) => {
      const stamp = this.#labels.read(label)
      if (typeof stamp === "number") stamps.push(stamp)
      else this.#bad.push(badLine(line, stamp))
      return typeof stamp === "number"
    })
    const columns = gather(rows, this.#index ?? "")
    const { kind } = this.#labels
    const index = Float64Array.from(stamps)
    return { index, kind, unit: unitOf(index, kind), columns }
  }
}

function readObject(text: string): Entry["members"] | string {
  // Errors cost a hundred times what this look does, and a body of another type is full of them.
  if (!/^\s*\{/.test(text)) return "is no JSON object"
  try {
    const members = objectAt(parseJson(text), "")
    const twice = mayRepeat(text, members) ? twiceIn(text) : null
    return twice === null ? members : `has the member "${shorten(twice.join("."))}" twice`
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return `is not valid JSON: ${shorten(error.details.errors?.[""] ?? error.message, 200)}`
  }
}

const COLON = /"\s*:/g

/** False where there are as many colons as members: no object has more than it shows. */
function mayRepeat(text: string, members: Entry["members"]): boolean {
  return text.match(COLON)?.length !== Object.keys(members).length
}

function nameOfIndex(members: Entry["members"]): string | undefined {
  const names = Object.keys(members)
  return names[indexAmong(names)]
}

/** What keeps a member from being stored. */
function flawAmong(members: Entry["members"], index: string): string | null {
  for (const name of Object.keys(members)) {
    if (name === index) continue
    if (!name.isWellFormed()) return "has a name that is not valid Unicode: a surrogate is alone"
    const flaw = flawOf(members[name] as Json)
    if (flaw !== null) return `has a value in "${shorten(name)}" that ${flaw}`
  }
  return null
}
