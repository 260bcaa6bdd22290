/** What is refused, as Flask-SocketAPI told it: an event with a class name and a sentence. Pure. */
import type { Json } from "../../protocol/frames.ts"
import { Problem } from "../../protocol/problem.ts"

export interface Failure {
  event: "api_error" | "server_error"
  /** A class name of the original's. */
  error: string
  /** Null in a `server_error`. */
  message: string | null
  /** The problem document. */
  problem: Json
}

/** Thrown for an event that cannot be a command. */
export class Failed extends Error {
  override name = "Failed"
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.error)
    this.failure = failure
  }
}

/** The words that the original had for who does what. */
const ROLES: Record<string, string> = { create: "creator", patch: "patcher", delete: "deleter" }
/** Codes of requests that are wrong in themselves. */
const INVALID = [400, 404, 405, 413, 415, 422]

/** The failure that a problem document tells of; `uri` as the client wrote it. */
export function failureOf(problem: Json, event: string, uri: string): Failure {
  const { code, status, detail } = JSON.parse(problem) as {
    code: string
    status: number
    detail: string
  }
  if (status >= 500) return { event: "server_error", error: "ServerError", message: null, problem }
  const told = (error: string, message = detail) =>
    ({ event: "api_error", error, message, problem }) as const
  if (code === "not_found") return told("NotFoundError")
  const role = ROLES[event]
  if (role && (code === "unknown_uri" || code === "method_not_allowed")) {
    // Byte for byte what the clients know, the stray apostrophe included.
    return told("InvalidRequestError", `no registered resource ${role} for ${uri}'`)
  }
  return told(INVALID.includes(status) ? "InvalidRequestError" : "SocketAPIError")
}

/** A command without a URI. */
export function missingUri(): Failed {
  const problem = new Problem("bad_frame", 'The payload must have a member "uri"').toText()
  const error = "InvalidRequestError"
  return new Failed({ event: "api_error", error, message: "missing URI", problem })
}

/** Arguments of a wrong type; the original told these as faults of the server. */
export function wrongType(detail: string): Failed {
  const problem = new Problem("bad_frame", detail).toText()
  return new Failed({ event: "server_error", error: "TypeError", message: null, problem })
}

/** The payload of the event. */
export function failureText({ error, message, problem }: Failure): Json {
  return `${JSON.stringify({ error, message }).slice(0, -1)},"problem":${problem}}`
}
