/** What requests say of keys beyond what a schema can check. Pure. */
import type { Expiry } from "../feed/expiry.ts"
import { KeyName } from "../protocol/keys-shared.ts"
import { Problem } from "../protocol/problem.ts"
import { readAction } from "./action.ts"
import { scaledOf } from "../lib/scaled.ts"
import { negated } from "./decimal.ts"
import { momentOf, TIME_WISH, TTL_WISH, ttlOf, WARN_WISH } from "./expiry.ts"
import type { Ending } from "./write.ts"

/** When a key is to expire, as a query says it. */
export interface When {
  expire_in?: string | undefined
  expire_at?: string | undefined
  keep_ttl?: boolean | undefined
  warn?: string | undefined
}

/** How a key that is set is to end, as a query says it. Throws Problem: invalid_request, unprocessable, too_large. */
export function readEnding(given: When & { on_expire?: string | undefined }, now: number): Ending {
  const expiry = readWhen(given, now)
  return {
    expiry,
    warn: readWarn(given.warn, expiry, now, "query.warn"),
    onExpire: readOnExpire(given.on_expire, expiry, "query.on_expire"),
  }
}

/** What a JSON body says of a key's end; the action is given as JSON text. */
export interface BodyEnding {
  expire_in?: unknown
  expire_at?: unknown
  warn?: unknown
  action?: string | null | undefined
}

/**
 * The same as a JSON body says it, where null says none.
 * @param unsaid the expiry where nothing is said of it: null for never, undefined for as before
 * Throws Problem: invalid_request, unprocessable, too_large.
 */
export function readBodyEnding(given: BodyEnding, now: number, unsaid?: null): Ending {
  const said = readBodyWhen(given, now)
  const expiry = said === undefined ? unsaid : said
  const { warn, action } = given
  return {
    expiry,
    warn: warn === null ? null : readWarn(warn, expiry, now, "warn", bodyTtlOf),
    onExpire: action === null ? null : readOnExpire(action, expiry, "on_expire"),
  }
}

/**
 * Epoch milliseconds; null, where nothing is said: never; undefined for `keep_ttl`: as before.
 * Throws Problem invalid_request.
 */
function readWhen({ expire_in, expire_at, keep_ttl = false }: When, now: number): Expiry {
  const given = { expire_in, expire_at, keep_ttl: keep_ttl || undefined }
  const said = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  if (said.length > 1) throw contradiction(said, "query.")
  if (keep_ttl) return undefined
  if (expire_at !== undefined) {
    return momentOf(expire_at, now) ?? refuse("query.expire_at", TIME_WISH, expire_at)
  }
  if (expire_in === undefined) return null
  const ttl = ttlOf(expire_in)
  // What the original answered, and its clients look for.
  const message = "Bad TTL Parameter"
  return ttl === null ? refuse("query.expire_in", TTL_WISH, expire_in, { message }) : now + ttl
}

/** The same in a JSON body, where null says never, and nothing said is undefined. */
function readBodyWhen(body: { expire_in?: unknown; expire_at?: unknown }, now: number): Expiry {
  const { expire_in, expire_at } = body
  if (expire_in !== undefined && expire_at !== undefined) {
    throw contradiction(["expire_in", "expire_at"], "")
  }
  const given = expire_in === undefined ? expire_at : expire_in
  if (given === undefined || given === null) return given
  if (expire_at != null) return momentOf(given, now) ?? refuse("expire_at", TIME_WISH, given)
  const ttl = bodyTtlOf(given)
  return ttl === null ? refuse("expire_in", `${TTL_WISH}, or null for never`, given) : now + ttl
}

/** Seconds are a number here. */
function bodyTtlOf(given: unknown): number | null {
  return typeof given === "string" && !/[a-z]$/.test(given) ? null : ttlOf(given)
}

const GOES_WITH = "goes with an expiry: expire_in, expire_at or keep_ttl"

/**
 * What is to be done when the key expires, as it is stored; undefined: as before.
 * @param expiry of the key: without one nothing is ever done
 */
function readOnExpire(given: string | undefined, expiry: Expiry, place: string) {
  if (given === undefined) return undefined
  return expiry === null ? refuse(place, GOES_WITH, given) : readAction(given, place)
}

/** How many milliseconds before its expiry that is told. */
function readWarn(
  given: unknown,
  expiry: Expiry,
  now: number,
  place: string,
  read: typeof ttlOf = ttlOf,
): number | undefined {
  if (given === undefined) return undefined
  if (expiry === null) return refuse(place, GOES_WITH, given)
  const lead = read(given)
  const isInTime = lead !== null && (expiry === undefined || now + lead < expiry)
  return isInTime ? lead : refuse(place, WARN_WISH, given)
}

/** What `PUT /keys?name=value` says. */
export interface Pair extends When {
  on_expire?: string | undefined
  name: string
  value: string
  wantsPrevious: boolean
}

/**
 * The first parameter that is not `expire_in` is the pair; `URLSearchParams` keeps their order. All other options stand
 * behind it, so that keys may have their names.
 * Throws Problem invalid_request.
 */
export function readPair(parameters: URLSearchParams): Pair {
  const all = [...parameters]
  const at = all.findIndex(([key]) => key !== "expire_in")
  const [name, value] = all[at] ?? []
  if (name === undefined || value === undefined) {
    throw new Problem("invalid_request", "Name the key and its value: PUT /keys?name=value", {
      errors: { query: "has no parameter beside expire_in" },
    })
  }
  const checked = KeyName.safeParse(name)
  if (!checked.success) {
    const wrong = checked.error.issues[0]?.message ?? "is wrong"
    throw new Problem("invalid_request", `The key's name is wrong: ${wrong}`, {
      errors: { query: `the key's name: ${wrong}` },
    })
  }
  const options = new URLSearchParams(all.slice(at + 1))
  const keep = options.get("keep_ttl")
  const wish = options.get("return")
  if (keep !== null && !FLAG.test(keep)) refuse("query.keep_ttl", "must be 1 or 0", keep)
  if (wish !== null && wish !== "previous") refuse("query.return", 'must be "previous"', wish)
  return {
    name,
    value,
    expire_in: parameters.get("expire_in") ?? undefined,
    expire_at: options.get("expire_at") ?? undefined,
    keep_ttl: /^(1|true)$/.test(keep ?? ""),
    warn: options.get("warn") ?? undefined,
    on_expire: options.get("on_expire") ?? undefined,
    wantsPrevious: wish === "previous",
  }
}

const FLAG = /^(0|1|true|false)$/

/** The number to count by, negative for `dec`. Throws Problem invalid_request. */
export function readStep(by: string, isDown: boolean, place = "query.by"): string {
  const step = isDown ? negated(by) : by
  if (scaledOf(by) && scaledOf(step)) return step
  return refuse(place, "must be a decimal such as 2 or -0.25 whose digits fit 64 bits", by)
}

function contradiction(names: string[], prefix: string): Problem {
  const [first = "", second = ""] = names
  return new Problem("invalid_request", `"${first}" and "${second}" contradict each other`, {
    errors: Object.fromEntries(names.map((name) => [`${prefix}${name}`, "is one too many"])),
  })
}

const SHOWN_CHARACTERS = 80

function refuse(place: string, wish: string, given: unknown, more: object = {}): never {
  const shown = (JSON.stringify(given) ?? typeof given).slice(0, SHOWN_CHARACTERS)
  const wrong = `${wish}, got ${shown}`
  throw new Problem("invalid_request", `"${place.replace("query.", "")}" ${wrong}`, {
    errors: { [place]: wrong },
    ...more,
  })
}
