/** The one table of what can go wrong: code → HTTP status, WebSocket close code, sentence. Pure. */

/** Close codes 4000–4499 invite a reconnect, 4500–4999 do not. */
export const PROBLEMS = {
  invalid_json: [400, 4500, "The body is not valid JSON"],
  invalid_request: [400, 4500, "The request does not have the form this endpoint wants"],
  bad_frame: [400, 4500, "The frame does not have the form of a command"],
  unauthorized: [401, 4501, "A valid token is needed"],
  forbidden: [403, 4503, "The token does not allow this"],
  not_found: [404, 4504, "There is no such resource"],
  unknown_uri: [404, 4505, "No route matches this URI"],
  method_not_allowed: [405, 4506, "The resource does not take this method"],
  conflict: [409, 4507, "The request conflicts with what is stored"],
  history_gone: [410, 4520, "The journal does not tell what was at that time"],
  precondition_failed: [412, 4508, "The resource is not in the state the request asked for"],
  too_large: [413, 4509, "The content is larger than the limit"],
  unsupported_type: [415, 4510, "The content type is not one this endpoint reads"],
  unprocessable: [422, 4511, "The content cannot be stored exactly as it was sent"],
  upgrade_required: [426, 4512, "This URI speaks WebSocket"],
  too_many_subscriptions: [429, 4513, "The socket holds as many subscriptions as it can"],
  corrupt_data: [500, 4514, "What is stored there is damaged, or of a newer version"],
  internal: [500, 4000, "Something went wrong inside"],
  overloaded: [503, 4001, "The storage is busy or away for the moment"],
} as const satisfies Record<string, readonly [status: number, closeCode: number, title: string]>

export type ProblemCode = keyof typeof PROBLEMS

/** Members beside `type`, `title`, `status`, `code` and `detail`; `errors` maps the place to what is wrong there. */
export interface ProblemDetails {
  errors?: Record<string, string>
  [member: string]: unknown
}

/** An error meant for the caller (RFC 9457). Anything else that is thrown becomes `internal` and is logged. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly details: ProblemDetails
  readonly headers: Record<string, string>
  /** Members that are JSON text already: what a store keeps must not be parsed and written anew. */
  readonly texts: Record<string, string>

  /**
   * @param code row of the table above
   * @param detail sentence that names the value that is wrong and the wish; no final period
   * @param details extra members of the problem document
   * @param headers extra headers of the answer (`Allow`, `Retry-After`, …)
   * @param texts extra members as JSON text
   */
  constructor(
    code: ProblemCode,
    detail: string,
    details: ProblemDetails = {},
    headers: Record<string, string> = {},
    texts: Record<string, string> = {},
  ) {
    super(detail)
    this.name = "Problem"
    this.code = code
    this.details = details
    this.headers = headers
    this.texts = texts
  }

  get status(): number {
    return PROBLEMS[this.code][0]
  }

  get closeCode(): number {
    return PROBLEMS[this.code][1]
  }

  /** The problem document as JSON text. */
  toText(): string {
    const texts = Object.entries(this.texts).map(
      ([name, text]) => `${JSON.stringify(name)}:${text}`,
    )
    return [JSON.stringify(this).slice(0, -1), ...texts].join() + "}"
  }

  /** The problem document of RFC 9457, but for what is text already. */
  toJSON(): Record<string, unknown> {
    return {
      type: `urn:tidemark:problem:${this.code}`,
      title: PROBLEMS[this.code][2],
      status: this.status,
      code: this.code,
      detail: this.message,
      ...this.details,
    }
  }
}

/** What JSON could mean in two ways; `pointer` (RFC 6901) names the place. */
export function inexact(pointer: string, reason: string): Problem {
  const place = pointer === "" ? "The content" : `"${pointer}"`
  return new Problem("unprocessable", `${place} cannot be kept exactly: ${reason}`, {
    errors: { [pointer]: reason },
  })
}

/** Thrown when a guard statement stopped a batch; nothing of the batch was written. Stores say what it means. */
export class GuardFailed extends Error {
  override name = "GuardFailed"
  /** Its place among the guards of the batch. */
  readonly guard: number

  constructor(guard: number) {
    super(`Guard ${guard} stopped the batch`)
    this.guard = guard
  }
}

/** Thrown when a statement stopped its transaction (`STOP`): its writer knows what to do then. Nothing is written. */
export class Stopped extends Problem {
  /** Which of the units of the transaction. */
  readonly unit: number

  constructor(unit: number) {
    super("conflict", "The database cannot do this by itself")
    this.unit = unit
  }
}
