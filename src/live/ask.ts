/** Requests into the app itself: whatever a socket wants is done by the same lines that answer HTTP. */
import { Problem } from "../protocol/problem.ts"

/** Answers a request as the caller `who`; null is the hub itself. Never throws. */
export type Dispatch = (request: Request, who: string | null) => Promise<Response>

/** An answer, its body as JSON text so that nothing in it changes on the way to the socket. */
export interface Answered {
  json: string | null
  revision: number | null
  /** The path of Location. */
  location: string | null
  /** There is a next page. */
  isPart: boolean
  /** What it cost. */
  queries: number
}

/** Thrown for an answer that is a problem; `json` is its document as the app wrote it. */
export class Refusal extends Error {
  override name = "Refusal"
  readonly code: string
  readonly json: string
  /** What it cost. */
  readonly queries: number

  constructor(code: string, json: string, queries = 0) {
    super(code)
    this.code = code
    this.json = json
    this.queries = queries
  }
}

// Any origin will do: the app looks at paths only.
const ORIGIN = "https://tidemark"

/** Sends a request; `json` is the body, of the media type. Throws Refusal when the app answers a problem. */
export async function ask(
  dispatch: Dispatch,
  who: string | null,
  method: string,
  uri: string,
  json?: string,
  type = "application/json",
): Promise<Answered> {
  const body = json === undefined ? {} : { body: json }
  const headers = { "Content-Type": type }
  const request = new Request(ORIGIN + uri, { method, headers, ...body })
  const response = await dispatch(request, who)
  const text = await response.text()
  const answered = response.headers.get("Content-Type") ?? ""
  const queries = queriesOf(response.headers)
  if (!response.ok) throw refusalOf(response.status, answered, text, queries)
  const location = response.headers.get("Location")
  return {
    json: text === "" ? null : isJson(answered) ? text : JSON.stringify(text),
    revision: revisionOf(response.headers.get("ETag")),
    location: location === null ? null : new URL(location, ORIGIN).pathname,
    isPart: /rel="?next\b/.test(response.headers.get("Link") ?? ""),
    queries,
  }
}

function refusalOf(status: number, type: string, text: string, queries: number): Refusal {
  const code = isJson(type) ? (JSON.parse(text) as { code?: unknown }).code : undefined
  if (typeof code === "string") return new Refusal(code, text, queries)
  const problem = new Problem("internal", `The app answered ${status} without a problem document`)
  return new Refusal(problem.code, JSON.stringify(problem), queries)
}

/** As every answer of the app tells what it cost. */
function queriesOf(headers: Headers): number {
  return Number(/(\d+) queries/.exec(headers.get("Server-Timing") ?? "")?.[1] ?? 0)
}

function isJson(type: string): boolean {
  return /[/+]json\b/i.test(type)
}

function revisionOf(etag: string | null): number | null {
  const found = /^(?:W\/)?"(\d{1,15})"$/.exec(etag ?? "")
  return found ? Number(found[1]) : null
}
