/** The batch: requests in one request, answered by the same handlers. */
import { BatchBody, type batchEndpoints } from "../protocol/batch.ts"
import type { Handlers } from "../protocol/endpoint.ts"
import { JSON_MAX_DEPTH } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { parseExact } from "../lib/json.ts"
import { elementsOf, membersOf } from "../lib/slices.ts"
import { parse } from "./body.ts"
import { check } from "./check.ts"
import { formatEtag } from "./etag.ts"

interface Services {
  /**
   * Answers the requests as one transaction. Where `at` names one that was refused, nothing is written.
   * Throws Problem.
   */
  together: (requests: Request[]) => Promise<{ results: Response[]; at: number | null }>
}

/** Levels that the batch puts around a body. */
const DEPTH = 3

type Operation = ReturnType<typeof BatchBody.parse>["operations"][number]

export const batchHandlers: Handlers<typeof batchEndpoints, Services> = {
  "batch.run": async ({ body: text, url, headers }, { together }) => {
    const { operations } = check(BatchBody, parse(text, JSON.parse, JSON_MAX_DEPTH + DEPTH), "")
    // Numbers beyond a double, the order of members, a name given twice: the handlers are to see what was written.
    const bodies = elementsOf(membersOf(text).get("operations") ?? "[]").map(
      (operation) => membersOf(operation).get("body") ?? null,
    )
    const from = headers.get("From")
    const requests = operations.map((operation, at) => {
      const request = requestOf(operation, bodies[at] ?? null, url, at)
      // Who makes the batch makes all that is in it.
      if (from !== null) request.headers.set("From", from)
      return request
    })
    const { results, at } = await together(requests)
    if (at !== null) return await refusal(at, operations[at], results[at])
    const texts = await Promise.all(
      results.map((response, of) => resultOf(operations[of], response)),
    )
    const revisions = results.map(revisionOf).filter((revision) => revision !== null)
    const last = revisions.length > 0 ? Math.max(...revisions) : null
    const revision = last === null ? {} : { revision: last }
    const members = last === null ? "" : `"revision":${last},`
    return { json: `{${members}"results":[${texts.join()}]}`, ...revision }
  },
}

function requestOf(operation: Operation, text: string | null, base: URL, at: number): Request {
  const { method, uri, body, type = "application/json", if_match, if_none_match } = operation
  let url: URL
  try {
    url = new URL(uri, base)
  } catch {
    throw new Problem("invalid_request", `"operations.${at}.uri" is no URI`, {
      errors: { [`operations.${at}.uri`]: `is no URI, got ${JSON.stringify(uri)}` },
    })
  }
  const headers = new Headers()
  if (text !== null) setHeader(headers, "Content-Type", type, `operations.${at}.type`)
  for (const [name, tag] of [
    ["If-Match", if_match],
    ["If-None-Match", if_none_match],
  ] as const) {
    const place = `operations.${at}.${name.toLowerCase().replaceAll("-", "_")}`
    if (typeof tag === "number") headers.set(name, formatEtag(tag))
    else if (tag !== undefined) setHeader(headers, name, tag, place)
  }
  // Text that is no JSON comes as a string, because JSON has no other place for it.
  const isPlain = typeof body === "string" && !/[/+]json\b/i.test(type)
  return new Request(url, {
    method,
    headers,
    ...(text === null ? {} : { body: isPlain ? body : text }),
  })
}

function setHeader(headers: Headers, name: string, value: string, place: string): void {
  try {
    headers.set(name, value)
  } catch {
    const wrong = `cannot stand in a header, got ${JSON.stringify(value)}`
    throw new Problem("invalid_request", `"${place}" ${wrong}`, { errors: { [place]: wrong } })
  }
}

async function refusal(at: number, operation?: Operation, response?: Response) {
  // Exactly, because a 412 carries what is stored.
  const problem = parseExact((await response?.text()) ?? "{}") as Record<string, unknown>
  const call = `${operation?.method} ${operation?.uri}`
  const { type, title, status, code, detail } = problem
  const outer = {
    type,
    title,
    status,
    code,
    detail: `Operation ${at} (${call}) was refused, so nothing is written: ${String(detail)}`,
    operation: at,
    problem,
  }
  return {
    status: Number(status),
    body: outer,
    headers: { ...restOf(response?.headers), "Content-Type": "application/problem+json" },
  }
}

/** JSON text. */
async function resultOf(operation: Operation | undefined, response: Response): Promise<string> {
  const text = await response.text()
  const isJson = /[/+]json\b/.test(response.headers.get("Content-Type") ?? "")
  const revision = revisionOf(response)
  const headers = restOf(response.headers)
  const members = {
    status: response.status,
    uri: operation?.uri,
    ...(revision === null ? {} : { revision }),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
  }
  const body = text === "" ? "" : `,"body":${isJson ? text : JSON.stringify(text)}`
  return `${JSON.stringify(members).slice(0, -1)}${body}}`
}

function revisionOf({ headers }: Response): number | null {
  const found = /^"(\d+)"$/.exec(headers.get("ETag") ?? "")
  return found ? Number(found[1]) : null
}

/** The headers that nothing else of the result says. */
function restOf(headers: Headers = new Headers()): Record<string, string> {
  return Object.fromEntries(
    [...headers].filter(([name]) => name !== "etag" && !name.startsWith("content-")),
  )
}
