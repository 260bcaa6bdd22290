/** The time zone of a query: a name of the IANA database, UTC, or an offset. Pure; zones are kept once found. */
import { Problem } from "../../protocol/problem.ts"
import type { IndexKind } from "../frame.ts"
import { UTC, Zone } from "./zone.ts"

/** Each may grow to some thousand periods. */
const ZONES_KEPT = 32

const zones = new Map<string, Zone>()

/**
 * The zone of a query for an index; without `tz` it is UTC, and for a naive index its own time.
 * Throws Problem invalid_request for an unknown zone, and for any zone when the index is naive.
 */
export function readZone(tz: string | undefined, kind: IndexKind): Zone {
  if (!tz) return UTC
  if (kind === "naive") {
    const flaw =
      "the index has no zone and is cut by its own days; stamps that are written with one (2015-01-31T12:00:00Z) can be cut by those of any zone"
    const found = JSON.stringify(tz)
    throw zoneProblem(`"tz" must be left out: ${flaw}; it is ${found}`, flaw)
  }
  const zone = fixedZone(tz) ?? namedZone(tz)
  if (zone) return zone
  const wish = "must be a zone such as Europe/Oslo, UTC, or an offset such as +05:30"
  throw zoneProblem(
    `"tz" ${wish}; it is ${JSON.stringify(tz)}`,
    `is ${JSON.stringify(tz)}, ${wish}`,
  )
}

/** Whether `readZone` would take it for an index with a zone. */
export function isZone(tz: string): boolean {
  return (fixedZone(tz) ?? namedZone(tz)) !== null
}

function zoneProblem(detail: string, flaw: string): Problem {
  return new Problem("invalid_request", detail, { errors: { "query.tz": flaw } })
}

/** Not every Intl takes offsets, so they are read here. A "+" that nobody encoded arrives as a space. */
function fixedZone(tz: string): Zone | null {
  const parts = /^([+ -])(\d\d)(?::?(\d\d))?$/.exec(tz)
  if (!parts) return null
  const [, sign, hours = "", minutes = "00"] = parts
  if (Number(hours) > 23 || Number(minutes) > 59) return null
  const seconds = (Number(hours) * 60 + Number(minutes)) * 60
  const name = `${sign === "-" ? "-" : "+"}${hours}:${minutes}`
  return new Zone(name, sign === "-" ? -seconds : seconds)
}

function namedZone(tz: string): Zone | null {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat("en-US", { timeZone: tz, timeZoneName: "longOffset" })
  } catch {
    return null
  }
  const name = format.resolvedOptions().timeZone
  if (name === "UTC") return UTC
  const known = zones.get(name)
  if (known) return known
  const zone = new Zone(name, (seconds) => offsetOf(format.format(seconds * 1_000)))
  for (const oldest of zones.keys()) {
    if (zones.size < ZONES_KEPT) break
    zones.delete(oldest)
  }
  zones.set(name, zone)
  return zone
}

/** Seconds in `1/1/1890, GMT+00:53:28`; nothing follows the GMT of offset 0. */
function offsetOf(text: string): number {
  const parts = /GMT([+\u2212-])(\d+):(\d+)(?::(\d+))?$/.exec(text)
  if (!parts) return 0
  const [, sign, hours, minutes, seconds = "0"] = parts
  const offset = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)
  return sign === "+" ? offset : -offset
}
