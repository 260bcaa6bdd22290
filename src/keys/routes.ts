/** The handlers of the keys. */
import { expiryHeaders } from "../feed/expiry.ts"
import type { Tree } from "../lib/tree.ts"
import type { Answer, Call, Handlers } from "../protocol/endpoint.ts"
import type { keyEndpoints } from "../protocol/keys.ts"
import type { keyValueEndpoints } from "../protocol/keys-values.ts"
import { Problem } from "../protocol/problem.ts"
import { toJson, toMetaJson, uriOf } from "./entry.ts"
import type { KeyRemover } from "./batch/remover.ts"
import { readPatch, readTreeEnding } from "./body.ts"
import { readValue } from "./given.ts"
import { readEnding, readPair, readStep } from "./input.ts"
import { consistencyOf, wishOf } from "./reading.ts"
import { notFound } from "./refused.ts"
import type { MetaRow } from "./sql.ts"
import type { KeyStore } from "./store.ts"
import { answerList } from "./list/answer.ts"
import { patternOf } from "./list/pattern.ts"
import type { KeyLists } from "./list/reader.ts"
import { contentType, readType, textValue } from "./value.ts"
import type { Written } from "./write.ts"

interface Services {
  keys: KeyStore
  keyLists: KeyLists
  keyRemover: KeyRemover
  /** Epoch milliseconds. */
  now: () => number
}

export const keyHandlers: Handlers<typeof keyEndpoints & typeof keyValueEndpoints, Services> = {
  "keys.list": ({ query, uri, url }, { keyLists }) => answerList({ uri, url, query }, keyLists),

  "keys.put": async ({ url, conditions }, { keys, now }) => {
    const { name, value, wantsPrevious, ...ending } = readPair(url.searchParams)
    const options = { ...readEnding(ending, now()), conditions, wantsPrevious }
    const written = await keys.set(name, textValue(value), options)
    return answerOf(written, { text: "success" })
  },

  "keys.clear": async ({ conditions, query, url }, { keys, keyRemover }) => {
    // URL parsers make /keys/ of /keys/. and /keys/%2e before we see it: a slip must not delete everything.
    if (url.pathname.endsWith("/")) {
      throw new Problem("invalid_request", "To delete all keys, DELETE /keys without a slash")
    }
    if (Object.keys(query).length > 0) {
      const most = query.max_affected ?? null
      const { count: deleted, revision } = await keyRemover.remove(
        patternOf(query),
        most,
        conditions,
      )
      const changed = revision > 0 ? { revision } : {}
      return { body: { deleted, ...changed }, ...changed }
    }
    return answerOf({ revision: await keys.clear(conditions) }, { text: "KEY-VALUE Store Cleared" })
  },

  "keys.create": async ({ body, conditions }, { keys, now }) => {
    const { name } = body.value
    const members = body.tree as Map<string, Tree>
    const value = readValue(members)
    const ending = readTreeEnding(members, body.value, now(), null)
    const { revision } = await keys.set(name, value, { ...ending, onlyNew: true, conditions })
    const headers = { Location: uriOf(name), ...expiryHeaders(ending.expiry) }
    return { status: 201, json: toJson(name, value), revision, headers }
  },

  "keys.get": async ({ params: { id }, query, headers: given }, { keys, now }) => {
    if (query.meta) return metaOf(id, await keys.meta(id), now())
    const { entry, ...read } = await keys.get(id, wishOf(query, given))
    if (!entry) throw notFound(id, consistencyOf(read))
    const { revision, expiresAt } = entry
    const headers = { ...expiryHeaders(expiresAt), ...consistencyOf(read) }
    return { json: toJson(id, entry), revision, headers }
  },

  "keys.patch": async ({ params: { id }, query, body, conditions }, { keys, now }) => {
    const patch = readPatch(id, body, now())
    const wantsPrevious = query.return !== undefined
    if (patch.step === undefined) {
      const written = await keys.patch(id, { ...patch, conditions, wantsPrevious })
      return answerOf(written, { status: 204 })
    }
    if (wantsPrevious) throw uncounted()
    const { revision } = await keys.count(id, patch.step, {}, conditions)
    return { status: 204, revision }
  },

  "keys.delete": async ({ params: { id }, query, conditions }, { keys }) => {
    const wantsPrevious = query.return !== undefined
    const written = await keys.remove(id, { conditions, wantsPrevious })
    return answerOf(written, { text: `Key : ${id} deleted` })
  },

  "keys.set": async ({ params: { id }, query, body, headers, conditions }, { keys, now }) => {
    const type = readType(headers.get("Content-Type"))
    if (body.encoding !== null) {
      const detail = `A value is kept as it comes, so Content-Encoding must be absent, it is "${body.encoding}"`
      throw new Problem("unsupported_type", detail)
    }
    const ending = readEnding(query, now())
    const value = await keys.take(id, body.bytes, type)
    const wantsPrevious = query.return !== undefined
    const written = await keys.set(id, value, { ...ending, conditions, wantsPrevious })
    return answerOf(written, { status: 204 })
  },

  "keys.value": async ({ params: { id }, query, headers: given }, { keys }) => {
    const { entry, content, ...read } = await keys.content(id, wishOf(query, given))
    if (!entry || content === null) throw notFound(id, consistencyOf(read))
    const { revision, expiresAt, type } = entry
    const told = { ...expiryHeaders(expiresAt), ...consistencyOf(read), ...INERT }
    return { content, revision, headers: { "Content-Type": contentType(type), ...told } }
  },

  "keys.inc": (call, services) => count(call, services, false),
  "keys.dec": (call, services) => count(call, services, true),
}

/** Only the index knows all of it. */
function metaOf(name: string, row: MetaRow | null, now: number): Answer {
  const strong = consistencyOf({ consistency: "strong" })
  if (!row) throw notFound(name, strong)
  const { revision, expiresAt } = row
  const headers = { ...expiryHeaders(expiresAt), ...strong }
  // Its time to live goes down although nobody writes.
  return { json: toMetaJson(row, now), revision, headers, isAging: expiresAt !== null }
}

function uncounted(): Problem {
  const errors = { "query.return": 'does not go with "inc"' }
  return new Problem("invalid_request", '"return" does not go with "inc"', { errors })
}

/** Anybody may have stored a page; it must not run as one of ours. */
const INERT = { "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox" }

async function count(call: CountCall, { keys, now }: Services, isDown: boolean): Promise<Answer> {
  const { params, query, conditions } = call
  const step = readStep(query.by, isDown)
  return await keys.count(params.id, step, readEnding(query, now()), conditions)
}

type CountCall = Call<(typeof keyValueEndpoints)["keys.inc" | "keys.dec"]>

/** What was there before, where somebody asked; else the usual answer. No ETag where nothing changed. */
function answerOf({ revision, previous }: Written, usual: Answer): Answer {
  const answer = previous === undefined ? usual : { json: previous }
  return revision > 0 ? { ...answer, revision } : answer
}
