/** The handlers of the keys. */
import type { Handlers } from "../protocol/endpoint.ts"
import { KeyName, type keyEndpoints } from "../protocol/keys.ts"
import { EXPIRE_MAX_SECONDS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { toJson, uriOf } from "./entry.ts"
import { isTtl, parseTtlSeconds } from "./expiry.ts"
import type { KeyRemover } from "./batch/remover.ts"
import { patternOf } from "./list/pattern.ts"
import { answerList } from "./list/answer.ts"
import type { KeyLists } from "./list/reader.ts"
import { notFound, type KeyStore } from "./store.ts"

interface Services {
  keys: KeyStore
  keyLists: KeyLists
  keyRemover: KeyRemover
}

export const keyHandlers: Handlers<typeof keyEndpoints, Services> = {
  "keys.list": ({ query, uri, url }, { keyLists }) => answerList({ uri, url, query }, keyLists),

  "keys.put": async ({ url, conditions }, { keys }) => {
    const { name, value, ttlSeconds } = readPair(url.searchParams)
    return { text: "success", revision: await keys.set(name, value, { ttlSeconds, conditions }) }
  },

  "keys.clear": async ({ conditions, query, url }, { keys, keyRemover }) => {
    // URL parsers make /keys/ of /keys/. and /keys/%2e before we see it: a slip must not delete everything.
    if (url.pathname.endsWith("/")) {
      throw new Problem("invalid_request", "To delete all keys, DELETE /keys without a slash")
    }
    if (Object.keys(query).length > 0) {
      const most = query.max_affected ?? null
      const { count, revision } = await keyRemover.remove(patternOf(query), most, conditions)
      const changed = revisionOf(revision)
      return { body: { deleted: count, ...changed }, ...changed }
    }
    return { text: "KEY-VALUE Store Cleared", ...revisionOf(await keys.clear(conditions)) }
  },

  "keys.create": async ({ body, conditions }, { keys }) => {
    const { name, value, expire_in: ttlSeconds = null } = body
    const revision = await keys.set(name, value, { ttlSeconds, onlyNew: true, conditions })
    const headers = { Location: uriOf(name) }
    return { status: 201, json: toJson(name, value), revision, headers }
  },

  "keys.get": async ({ params: { id } }, { keys }) => {
    const entry = await keys.get(id)
    if (!entry) throw notFound(id)
    return { json: toJson(id, entry.value), revision: entry.revision }
  },

  "keys.patch": async ({ params: { id }, body, conditions }, { keys }) => {
    const { value, ttlSeconds } = readPatch(id, body)
    return { status: 204, revision: await keys.patch(id, value, ttlSeconds, conditions) }
  },

  "keys.delete": async ({ params: { id }, conditions }, { keys }) => {
    return { text: `Key : ${id} deleted`, ...revisionOf(await keys.remove(id, conditions)) }
  },
}

const TTL_WANTED = `must be whole seconds from 1 to ${EXPIRE_MAX_SECONDS}`

/** The first parameter that is not `expire_in` is the pair; `URLSearchParams` keeps their order. */
function readPair(parameters: URLSearchParams) {
  const [name, value] = [...parameters].find(([key]) => key !== "expire_in") ?? []
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
  return { name, value, ttlSeconds: readTtlSeconds(parameters.get("expire_in")) }
}

function readTtlSeconds(text: string | null): number | null {
  if (text === null) return null
  const seconds = parseTtlSeconds(text)
  if (seconds === null) {
    throw new Problem("invalid_request", `"expire_in" ${TTL_WANTED}, got ${show(text)}`, {
      errors: { "query.expire_in": `${TTL_WANTED}, got ${show(text)}` },
      // What the original answered, and its clients look for.
      message: "Bad TTL Parameter",
    })
  }
  return seconds
}

/** `value`, or the key's own name as GET shows it; and `expire_in`. */
function readPatch(id: string, body: Record<string, unknown>) {
  // Not an object at once, in which a member called __proto__ would be lost.
  const wrong: [member: string, what: string][] = []
  const values: string[] = []
  let ttlSeconds: number | null | undefined
  for (const [member, given] of Object.entries(body)) {
    const isText = typeof given === "string"
    if (member === "value" || (member === id && (isText || member !== "expire_in"))) {
      if (isText) values.push(given)
      else wrong.push([member, "must be text; DELETE removes a key"])
    } else if (member !== "expire_in") {
      wrong.push([member, `must be "value", "expire_in" or "${id}"`])
    } else if (given === null || isTtl(given)) ttlSeconds = given
    else wrong.push([member, `${TTL_WANTED}, or null for never, got ${show(given)}`])
  }
  const [value, other = value] = values
  if (value !== other) wrong.push([id, 'says another value than "value"'])
  if (wrong[0]) {
    const [member, what] = wrong[0]
    const errors = Object.fromEntries(wrong)
    throw new Problem("invalid_request", `"${member}" ${what}`, { errors })
  }
  return { value, ttlSeconds }
}

const SHOWN_CHARACTERS = 80

function show(value: unknown): string {
  return (JSON.stringify(value) ?? typeof value).slice(0, SHOWN_CHARACTERS)
}

/** No ETag where nothing changed. */
function revisionOf(revision: number): { revision?: number } {
  return revision > 0 ? { revision } : {}
}
