/**
 * InfluxDB's line protocol in, as version 3 reads it: `measurement,tag=value field=1.5,other=2i 1700000000`.
 * https://docs.influxdata.com/influxdb3/core/reference/line-protocol/
 */
import { badLine, type BadLine } from "../../lines/bad.ts"
import { isFull } from "./batch.ts"
import { stringIsOpen } from "./escapes.ts"
import type { Line } from "../../lines/lines.ts"
import { NO_ROOM, PointGatherer } from "./points.ts"
import type { Precision } from "./precision.ts"
import { readRecords } from "./records.ts"
import type { SeriesRows } from "./table.ts"
import type { StreamOptions } from "../../lines/unzip.ts"

export interface LineProtocolOptions extends StreamOptions {
  /** The unit of the timestamps; "auto", which is the default, guesses it line by line. */
  precision?: Precision
}

export interface PointBatch {
  /** Each series that the batch has rows of, once. */
  series: SeriesRows[]
  /** The first and the last line that were read for this batch. */
  lines: [first: number, last: number]
  bad: BadLine[]
}

/**
 * The points of a stream, in batches, by series: the measurement is the reference, the tags sorted by key are the
 * symbol (`host=a,region=eu`, or `_` without tags), fields are columns. Stamps are UTC. Integers keep their digits;
 * a field of several types becomes the kind that keeps them all. Strings may hold newlines, as InfluxDB takes them.
 * Bad lines are refused whole: without fields, with a tag or a field twice or without name or value, NaN, infinities,
 * integers beyond 64 bits, timestamps that are no whole microsecond, names no URI can hold, and what `readLines`
 * could not read. Comments and blank lines are passed over.
 * @param now epoch milliseconds, the time of lines without a timestamp
 * Throws Problem as `readLines` does.
 */
export async function* readLineProtocol(
  stream: ReadableStream<Uint8Array>,
  now: number,
  options: LineProtocolOptions = {},
): AsyncGenerator<PointBatch> {
  const reader = new LineProtocolReader(options.precision ?? "auto", now)
  for await (const records of readRecords(stream, stringIsOpen, options)) {
    for (const record of records) {
      if (!reader.add(record)) {
        yield reader.take()
        reader.add(record)
      }
    }
  }
  if (reader.hasLines) yield reader.take()
}

const NOTHING = /^\s*(?:#|$)/

class LineProtocolReader {
  readonly #points: PointGatherer
  #bad: BadLine[] = []
  #first = 0
  #last = 0
  #count = 0
  #characters = 0

  constructor(precision: Precision, now: number) {
    this.#points = new PointGatherer(precision, now * 1_000)
  }

  get hasLines(): boolean {
    return this.#first > 0
  }

  /** False when there is no room for the line in this batch: it has to come again in the next. */
  add(record: Line): boolean {
    if (record.flaw === null && NOTHING.test(record.text)) return true
    if (isFull(this.#count, 0, this.#characters)) return false
    const flaw = record.flaw ?? this.#points.add(record.text)
    if (flaw === NO_ROOM) return false
    this.#first ||= record.number
    this.#last = record.last
    this.#count++
    this.#characters += record.text.length
    if (flaw !== null) this.#bad.push(badLine(record, flaw))
    return true
  }

  /** The batch so far; the next begins. */
  take(): PointBatch {
    const batch: PointBatch = {
      series: this.#points.take(),
      lines: [this.#first, this.#last],
      bad: this.#bad,
    }
    this.#bad = []
    this.#first = 0
    this.#count = 0
    this.#characters = 0
    return batch
  }
}
