/** Buckets of time: what `every` and `tz` mean, on the days on which clocks are changed above all. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Problem } from "../../src/protocol/problem.ts"
import { Buckets, readEvery } from "../../src/series/resample/every.ts"
import { STAMP_MAX } from "../../src/series/frame.ts"
import { readZone } from "../../src/series/resample/tz.ts"

const SECOND = 1_000_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const ZONES = [
  "Europe/Oslo",
  "America/New_York",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
  "America/Sao_Paulo",
  "Pacific/Apia",
  "America/St_Johns",
  "Africa/Casablanca",
  "Europe/Paris",
  "Asia/Manila",
  "UTC",
  "+05:45",
]
const WIDTHS = "250ms 7s 1m 15m 40m 45m 1h 90m 2h 5h 6h 12h 24h 1d 2d 7d 1w 2w 1mo 3mo 5mo 1y 10y"

/** When clocks were changed in some of these zones. */
const CHANGES = [
  "2024-03-31T01:00",
  "2024-10-27T01:00",
  "2024-11-03T06:00",
  "2024-04-06T15:00",
  "2018-02-18T02:00",
  "2018-11-04T03:00",
  "2011-12-30T10:00",
  "2007-11-04T02:31",
  "2024-03-10T02:00",
  "2024-04-14T02:00",
  "1911-03-10T23:50",
  "1844-12-31T15:56",
]

const at = (text: string) => Date.parse(text) * 1_000
const text = (stamp: number) => new Date(stamp / 1_000).toISOString().replace(/(:00)?\.000Z/, "Z")
const buckets = (every: string, tz: string, closed?: "left" | "right") =>
  new Buckets(readEvery(every), readZone(tz, "utc"), closed)

/** Starts of all buckets from the one that holds `first` to the one that ends at or after `last`. */
function edges(every: string, tz: string, first: string, last: string): string[] {
  const all = buckets(every, tz)
  let bucket = all.at(at(first))
  const found = [text(bucket.start)]
  for (; bucket.end <= at(last); bucket = all.after(bucket)) found.push(text(bucket.end))
  return found
}

/** Hours of all buckets of a day that the local clock calls by this date. */
function hours(every: string, tz: string, date: string): number[] {
  const day = buckets("1d", tz).at(at(`${date}T12:00:00Z`) - localOffset(tz, at(date) + DAY / 2))
  const all = buckets(every, tz)
  const found: number[] = []
  for (let bucket = all.at(day.start); bucket.start < day.end; bucket = all.after(bucket)) {
    found.push((bucket.end - bucket.start) / HOUR)
  }
  return found
}

/** The bucket in UTC that holds a time: its date and its days. */
function days(every: string, stamp: string): [date: string, days: number] {
  const { start, end } = buckets(every, "UTC").at(at(stamp))
  return [text(start).slice(0, 10), (end - start) / DAY]
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** What the local clock shows, as if in UTC, straight from Intl and by its fields. */
function local(tz: string, stamp: number): number {
  const format =
    formats.get(tz) ??
    new Intl.DateTimeFormat("en-US", {
      timeZone: tz,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    })
  formats.set(tz, format)
  const fields = Object.fromEntries(
    format.formatToParts(Math.floor(stamp / SECOND) * 1_000).map((part) => [part.type, part.value]),
  )
  const [year, month, day] = [Number(fields.year), Number(fields.month), Number(fields.day)]
  const [hour, minute, second] = [Number(fields.hour), Number(fields.minute), Number(fields.second)]
  const rest = stamp - Math.floor(stamp / SECOND) * SECOND
  return Date.UTC(year, month - 1, day, hour, minute, second) * 1_000 + rest
}

function localOffset(tz: string, stamp: number): number {
  return tz.startsWith("+") ? (5 * 60 + 45) * MINUTE : local(tz, stamp) - stamp
}

function problem(call: () => unknown): [detail: string, errors: unknown] {
  try {
    call()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    expect(error.code).toBe("invalid_request")
    return [error.message, error.details.errors]
  }
  throw new Error("Nothing was thrown")
}

describe("every", () => {
  it("is a whole number and a unit", () => {
    for (const every of WIDTHS.split(" ")) expect(readEvery(every).count).toBeGreaterThan(0)
    expect(readEvery("15m")).toEqual({ count: 15, unit: "m" })
    expect(readEvery("3mo")).toEqual({ count: 3, unit: "mo" })
    expect(readEvery("100y")).toEqual({ count: 100, unit: "y" })
  })

  it("is refused with what was wanted", () => {
    for (const every of ["", "h", "0h", "1", "1.5h", "-1h", "1M", "1 h", "1q", "1h30m", "1us"]) {
      const [detail, errors] = problem(() => readEvery(every))
      expect(detail).toContain(`it is ${JSON.stringify(every)}`)
      expect(Object.keys(errors as object)).toEqual(["query.every"])
    }
    for (const every of ["101y", "2000mo", "9999999999999999999999ms"]) {
      expect(problem(() => readEvery(every))[0]).toContain("must be at most 100 years")
    }
  })
})

describe("tz", () => {
  it("is UTC where it is missing, and else a name or an offset", () => {
    expect(readZone(undefined, "utc").name).toBe("UTC")
    expect(readZone("", "naive").name).toBe("UTC")
    expect(readZone("europe/oslo", "utc").name).toBe("Europe/Oslo")
    expect(readZone("Europe/Oslo", "utc")).toBe(readZone("Europe/Oslo", "utc"))
    for (const [tz, hour] of [
      ["+05:45", 5.75],
      ["-0330", -3.5],
      [" 02", 2],
      ["-00:00", 0],
    ] as const) {
      expect(readZone(tz, "utc").periodAt(0).offset + 0).toBe(hour * HOUR)
    }
  })

  it("is refused when nobody knows it", () => {
    for (const tz of ["Mars/Olympus", "+25:00", "+05:60", "Oslo", "UTC+2", "\n"]) {
      expect(problem(() => readZone(tz, "utc"))[0]).toContain(`it is ${JSON.stringify(tz)}`)
    }
  })

  it("is refused for times without a zone", () => {
    const [detail, errors] = problem(() => readZone("Europe/Oslo", "naive"))
    expect(detail).toContain("must be left out: the index has no zone")
    expect(Object.keys(errors as object)).toEqual(["query.tz"])
  })

  it("gives the offset that Intl gives, anywhere and in any order", () => {
    const zones = Intl.supportedValuesOf("timeZone")
    const stamps = fc.oneof(
      fc.integer({ min: -STAMP_MAX + 2 * DAY, max: STAMP_MAX - 2 * DAY }),
      fc.integer({ min: at("1900-01-01"), max: at("2100-01-01") }),
    )
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.array(stamps, { maxLength: 4 }), (tz, some) => {
        for (const stamp of some) {
          expect(readZone(tz, "utc").periodAt(stamp).offset, tz).toBe(localOffset(tz, stamp))
        }
      }),
      { seed: 7, numRuns: 100 },
    )
  })
})

describe("buckets", () => {
  it("partition time in every zone: no gap, no overlap, no doubt", () => {
    const near = fc
      .tuple(fc.constantFrom(...CHANGES), fc.integer({ min: -2 * DAY, max: 2 * DAY }))
      .map(([change, away]) => at(`${change}Z`) + away)
    const stamps = fc.oneof(near, near, fc.integer({ min: -STAMP_MAX, max: STAMP_MAX }))
    const widths = fc.constantFrom(...WIDTHS.split(" "))
    fc.assert(
      fc.property(fc.constantFrom(...ZONES), widths, stamps, (tz, every, stamp) => {
        const all = buckets(every, tz)
        const bucket = all.at(stamp)
        expect(bucket.start).toBeLessThanOrEqual(stamp)
        expect(bucket.end).toBeGreaterThan(stamp)
        const first = Math.max(bucket.start, -STAMP_MAX)
        expect(buckets(every, tz).at(first)).toEqual(bucket)
        const last = Math.min(bucket.end - 1, STAMP_MAX)
        expect(buckets(every, tz).at(last)).toEqual(bucket)
        if (bucket.end <= STAMP_MAX) expect(all.at(bucket.end).start).toBe(bucket.end)
        if (bucket.start > -STAMP_MAX) expect(all.at(bucket.start - 1).end).toBe(bucket.start)
        const middle = Math.floor((first + last) / 2)
        expect(all.at(middle)).toEqual(bucket)
      }),
      { seed: 7, numRuns: 2_000 },
    )
  })

  it("of days, weeks, months and years begin when the local calendar first shows them", () => {
    const names: Record<string, (date: Date) => number> = {
      "1d": (date) => Math.floor(date.getTime() / 86_400_000),
      "1w": (date) => Math.floor((date.getTime() / 86_400_000 + 3) / 7),
      "1mo": (date) => date.getUTCFullYear() * 12 + date.getUTCMonth(),
      "1y": (date) => date.getUTCFullYear(),
      "6h": (date) => Math.floor(date.getTime() / (6 * 3_600_000)),
    }
    const starts = ["2024-03-29", "2024-10-25", "2018-02-16", "2018-11-02", "2011-12-28"]
    const more = [
      "2007-11-02",
      "2024-02-27",
      "2023-12-30",
      "1911-03-09",
      "2024-04-05",
      "2024-10-04",
    ]
    const step = 30 * MINUTE
    for (const tz of ZONES.filter((zone) => !zone.startsWith("+"))) {
      for (const start of [...starts, ...more]) {
        const stamps = Array.from({ length: 4 * 48 }, (_, place) => at(start) + place * step)
        const dates = stamps.map((stamp) => new Date(local(tz, stamp) / 1_000))
        for (const [every, nameOf] of Object.entries(names)) {
          // A change of the clock by 24 hours is a multiple of six, which is another rule.
          if (every === "6h" && tz === "Pacific/Apia") continue
          const all = buckets(every, tz)
          let name = nameOf(dates[0] as Date)
          let { start: begun } = all.at(at(start))
          for (const [place, stamp] of stamps.entries()) {
            const bucket = all.at(stamp)
            const shown = nameOf(dates[place] as Date)
            const where = `${every} ${tz} ${text(stamp)}`
            if (shown <= name) expect(bucket.start, where).toBe(begun)
            else expect(bucket.start, where).toBeGreaterThan(stamp - step)
            if (shown > name) [name, begun] = [shown, bucket.start]
          }
        }
      }
    }
  })

  it("are days of 23 and 25 hours, or as long as the clock made them", () => {
    const changes: [tz: string, date: string, hours: number][] = [
      ["Europe/Oslo", "2024-03-31", 23],
      ["Europe/Oslo", "2024-10-27", 25],
      ["Europe/Oslo", "2024-07-01", 24],
      ["America/New_York", "2024-03-10", 23],
      ["America/New_York", "2024-11-03", 25],
      ["Australia/Lord_Howe", "2024-04-07", 24.5],
      ["Australia/Lord_Howe", "2024-10-06", 23.5],
      ["Asia/Kathmandu", "2024-03-31", 24],
      ["America/Sao_Paulo", "2018-02-17", 25],
      ["America/Sao_Paulo", "2018-11-04", 23],
      ["America/St_Johns", "2007-11-04", 25],
      ["Pacific/Apia", "2011-12-29", 24],
      ["Pacific/Apia", "2011-12-31", 24],
    ]
    for (const [tz, date, length] of changes) expect(hours("1d", tz, date), date).toEqual([length])
  })

  it("have no bucket for the day that Apia skipped, and six days in its week", () => {
    const found = edges("1d", "Pacific/Apia", "2011-12-29T10:00Z", "2012-01-01T10:00Z")
    expect(found).toEqual([
      "2011-12-29T10:00Z",
      "2011-12-30T10:00Z",
      "2011-12-31T10:00Z",
      "2012-01-01T10:00Z",
    ])
    const week = buckets("1w", "Pacific/Apia").at(at("2011-12-30T12:00Z"))
    expect((week.end - week.start) / DAY).toBe(6)
  })

  it("begin at 01:00 where midnight was skipped", () => {
    expect(text(buckets("1d", "America/Sao_Paulo").at(at("2018-11-04T12:00Z")).start)).toBe(
      "2018-11-04T03:00Z",
    )
    expect(edges("1mo", "America/Sao_Paulo", "2018-11-10T00:00Z", "2018-11-11T00:00Z")).toEqual([
      "2018-11-01T03:00Z",
    ])
  })

  it("follow the offsets of long ago, seconds and all", () => {
    expect(edges("1d", "Europe/Paris", "1900-01-01T12:00Z", "1900-01-02T12:00Z")).toEqual([
      "1899-12-31T23:50:39Z",
      "1900-01-01T23:50:39Z",
    ])
    expect(edges("1h", "Europe/Paris", "1900-01-01T12:00Z", "1900-01-01T13:00Z")).toEqual([
      "1900-01-01T11:50:39Z",
      "1900-01-01T12:50:39Z",
    ])
    // The change by 9 min 21 s of 1911 is a multiple of nothing: one bucket is longer, none is lost.
    const found = hours("1h", "Europe/Paris", "1911-03-10")
    expect(found).toHaveLength(24)
    expect(found.at(-1)).toBeCloseTo(1 + (9 * 60 + 21) / 3_600)
  })

  it("know leap days, month ends, quarters, Mondays and decades", () => {
    expect(days("1d", "2024-02-29T12:00Z")).toEqual(["2024-02-29", 1])
    expect(days("1mo", "2024-02-29T12:00Z")).toEqual(["2024-02-01", 29])
    expect(days("1mo", "1900-02-28T23:59Z")).toEqual(["1900-02-01", 28])
    expect(days("1mo", "2024-12-31T23:59Z")).toEqual(["2024-12-01", 31])
    expect(days("3mo", "2024-06-30T12:00Z")).toEqual(["2024-04-01", 91])
    expect(days("1y", "2024-06-30T12:00Z")).toEqual(["2024-01-01", 366])
    expect(days("10y", "1969-06-30T12:00Z")).toEqual(["1960-01-01", 3653])
    expect(days("1w", "2024-06-30T23:00Z")).toEqual(["2024-06-24", 7])
    expect(days("7d", "1969-07-20T23:00Z")).toEqual(["1969-07-14", 7])
  })

  it("shorter than a day keep their length where the clock changes by a multiple of it", () => {
    for (const every of ["1h", "15m", "1m", "12m"]) {
      for (const [date, length] of [
        ["2024-03-31", 23],
        ["2024-10-27", 25],
      ] as const) {
        const found = hours(every, "Europe/Oslo", date)
        expect(new Set(found).size).toBe(1)
        expect(found.length * (found[0] ?? 0)).toBeCloseTo(length)
      }
    }
    // The hour that comes twice is two buckets.
    expect(edges("1h", "Europe/Oslo", "2024-10-27T00:00Z", "2024-10-27T02:00Z")).toEqual([
      "2024-10-27T00:00Z",
      "2024-10-27T01:00Z",
      "2024-10-27T02:00Z",
    ])
    expect(new Set(hours("30m", "Australia/Lord_Howe", "2024-04-07"))).toEqual(new Set([0.5]))
    expect(new Set(hours("1h", "Pacific/Apia", "2011-12-31"))).toEqual(new Set([1]))
  })

  it("longer than the change begin where the local clock says, and are longer or shorter for it", () => {
    expect(hours("2h", "Europe/Oslo", "2024-03-31")).toEqual([
      2,
      1,
      ...Array.from({ length: 10 }, () => 2),
    ])
    expect(hours("2h", "Europe/Oslo", "2024-10-27")).toEqual([
      2,
      3,
      ...Array.from({ length: 10 }, () => 2),
    ])
    expect(hours("6h", "America/New_York", "2024-03-10")).toEqual([5, 6, 6, 6])
    expect(hours("6h", "America/New_York", "2024-11-03")).toEqual([7, 6, 6, 6])
    expect(hours("24h", "America/New_York", "2024-11-03")).toEqual([25])
    expect(hours("1h", "Australia/Lord_Howe", "2024-04-07").slice(0, 4)).toEqual([1, 1.5, 1, 1])
    expect(hours("1h", "Australia/Lord_Howe", "2024-10-06").slice(0, 4)).toEqual([1, 1, 0.5, 1])
  })

  it("shorter than the change, but no part of it, are cut short at the change", () => {
    const found = hours("40m", "Europe/Oslo", "2024-10-27").map((hour) => Math.round(hour * 60))
    expect(found.slice(0, 8)).toEqual([40, 40, 40, 40, 20, 40, 40, 40])
    expect(found.reduce((sum, minutes) => sum + minutes)).toBe(25 * 60)
  })

  it("align to local midnight when they divide the day", () => {
    for (const every of ["15m", "1h", "90m", "6h"]) {
      for (const date of ["2024-01-15", "2024-07-15"]) {
        for (const tz of ["Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York"]) {
          const day = buckets("1d", tz).at(at(`${date}T12:00Z`))
          expect(buckets(every, tz).at(day.start).start, `${every} ${tz}`).toBe(day.start)
        }
      }
    }
  })

  it("hold their end and not their start when they are closed on the right", () => {
    const left = buckets("1h", "UTC")
    const right = buckets("1h", "UTC", "right")
    const noon = at("2024-01-01T12:00Z")
    expect(right.at(noon)).toEqual(left.at(noon - 1))
    expect(right.at(noon + 1)).toEqual(left.at(noon))
    expect(right.after(right.at(noon))).toEqual(left.at(noon))
    expect(right.holds(noon + 1, noon + HOUR)).toBe(true)
    expect(right.holds(noon, noon + 1)).toBe(false)
    expect(left.holds(noon, noon + HOUR - 1)).toBe(true)
    expect(left.holds(noon, noon + HOUR)).toBe(false)
  })

  it("are found fast: half a million rows far apart in a zone with summer time", () => {
    const all = buckets("1d", "America/New_York")
    const first = at("1950-01-01")
    const begun = performance.now()
    let sum = 0
    for (let row = 0; row < 500_000; row++) sum += all.at(first + row * HOUR).start
    expect(sum).not.toBe(0)
    expect(performance.now() - begun).toBeLessThan(1_000)
  })
})
