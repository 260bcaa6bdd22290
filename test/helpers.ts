/** What worker tests share: requests written as English, every answer checked against the endpoint table. */
import { exports } from "cloudflare:workers"
import { expect } from "vitest"
import { endpoints } from "../src/app.ts"
import { match } from "../src/protocol/uri.ts"

export interface Sent {
  status: number
  headers: Headers
  text: string
  /** The body parsed; undefined when it is not JSON. */
  json: any
  revision: number | undefined
}

type Body = string | object | undefined

/** `send("PUT /api/apps/a", { data: {} })`: objects travel as JSON. The answer must be one the table declares. */
export async function send(
  request: string,
  body?: Body,
  headers: Record<string, string> = {},
): Promise<Sent> {
  const [method = "GET", uri = "/"] = request.split(/ (.*)/s)
  const isText = typeof body === "string" || body === undefined
  const response = await exports.default.fetch(
    new Request(new URL(uri, "https://tidemark.test"), {
      method,
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
      headers: { ...(isText ? {} : { "Content-Type": "application/json" }), ...headers },
    }),
  )
  const text = await response.text()
  const sent: Sent = {
    status: response.status,
    headers: response.headers,
    text,
    json:
      /[/+]json\b/.test(response.headers.get("Content-Type") ?? "") && text
        ? JSON.parse(text)
        : undefined,
    revision:
      Number(/^"(\d+)"$/.exec(response.headers.get("ETag") ?? "")?.[1] ?? Number.NaN) || undefined,
  }
  checkAnswer(method, uri, sent)
  return sent
}

/** A declared status, and a body as its schema says. */
function checkAnswer(method: string, uri: string, { status, json, text }: Sent): void {
  const { pathname } = new URL(uri, "https://tidemark.test")
  const endpoint = endpoints.find((one) => one.method === method && matches(one.path, pathname))
  if (!endpoint || status === 304 || status === 404) return
  const rule = endpoint.replies[status]
  expect(
    rule,
    `${method} ${uri} answered ${status}, which the table does not declare: ${text}`,
  ).toBeDefined()
  if (json !== undefined) (rule?.json ?? rule?.schema)?.parse(json)
}

function matches(pattern: string, pathname: string): boolean {
  try {
    return match(pattern, pathname) !== null
  } catch {
    return false
  }
}
