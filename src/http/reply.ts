/** Answers and errors as responses: rich inside, vague outside, translated here and nowhere else. */
import type { Answer, Conditions } from "../protocol/endpoint.ts"
import { Problem } from "../protocol/problem.ts"
import { streamOf } from "./stream.ts"
import { formatEtag, isKnown } from "./etag.ts"

/** The response to a request that went well; 304 when the caller has it already. */
export async function reply(
  answer: Answer,
  method: string,
  conditions: Conditions,
): Promise<Response> {
  if (answer.response) return answer.response
  const headers = new Headers(answer.headers)
  if (answer.revision !== undefined) headers.set("ETag", formatEtag(answer.revision))
  // Copies are fine as long as each use asks whether they still hold.
  if (method === "GET" && !headers.has("Cache-Control")) headers.set("Cache-Control", "no-cache")
  const status = answer.status ?? 200
  const isSame = !answer.isAging && isKnown(conditions, answer.revision)
  if (method === "GET" && status === 200 && isSame) {
    if (answer.content instanceof ReadableStream) await answer.content.cancel()
    return new Response(null, { status: 304, headers })
  }
  if (answer.content !== undefined) return new Response(answer.content, { status, headers })
  const text = answer.pieces ? await streamOf(answer.pieces) : bodyText(answer)
  if (text !== null && !headers.has("Content-Type")) {
    headers.set(
      "Content-Type",
      answer.text === undefined ? "application/json" : "text/plain; charset=utf-8",
    )
  }
  return new Response(text, { status, headers })
}

function bodyText({ json, text, body }: Answer): string | null {
  if (json !== undefined) return json
  if (text !== undefined) return text
  return body === undefined ? null : JSON.stringify(body)
}

/** The problem document. What is not a Problem is logged and says nothing of the inside. */
export function problemReply(error: unknown): Response {
  const problem = toProblem(error)
  return new Response(problem.toText(), {
    status: problem.status,
    headers: { "Content-Type": "application/problem+json", ...problem.headers },
  })
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  console.error({
    event: "internal_error",
    message: error instanceof Error ? error.message : String(error),
    stack: error instanceof Error ? error.stack : undefined,
  })
  return new Problem("internal", "The service failed on this request; its log says more")
}
