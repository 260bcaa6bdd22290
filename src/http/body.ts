/** Reads a request's body: size and type first, then text, then JSON, then the schema. */
import type { BodyRule, BodyStream } from "../protocol/endpoint.ts"
import { JSON_MAX_DEPTH } from "../protocol/limits.ts"
import { inexact, Problem } from "../protocol/problem.ts"
import { joined } from "../lib/bytes.ts"
import { depthOf, parseExact } from "../lib/json.ts"
import { Ambiguous, parseTree, type Tree } from "../lib/tree.ts"
import { check } from "./check.ts"

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false })

/**
 * The body in the form the rule asks for.
 * Throws Problem: unsupported_type, too_large, invalid_json, invalid_request, unprocessable.
 */
export async function readBody(request: Request, rule: BodyRule): Promise<unknown> {
  checkType(request.headers.get("Content-Type"), rule.types)
  if (rule.as === "stream") return streamOf(request, rule.maxBytes)
  const text = await readText(request, rule.maxBytes)
  if (rule.as === "text") return text
  if (rule.as === "json") return check(rule.schema, parse(text, JSON.parse), "")
  const tree = parse(text, unambiguous)
  if (rule.as === "exact") return check(rule.schema, parseExact(text), "")
  const type = mediaType(request.headers.get("Content-Type"))
  const { schema } = rule.forms?.[type] ?? rule
  // The tree is what is kept; a value that JavaScript rounds will do to look at its form.
  const value = check(schema, JSON.parse(text), "", () => parseExact(text))
  return { value, tree, type }
}

/** The body unread; what is announced as too large is refused here, what turns out to be so by who reads it. */
function streamOf(request: Request, maxBytes: number): BodyStream {
  const { headers, body } = request
  const announced = Number(headers.get("Content-Length") ?? 0)
  if (announced > maxBytes) throw tooLarge(announced, maxBytes)
  const encoding = headers.get("Content-Encoding")
  const stream = () =>
    whole((body ?? new Blob([]).stream()) as ReadableStream<Uint8Array>, announced)
  return {
    // Only one of the two reads it.
    get bytes() {
      return stream()
    },
    type: mediaType(headers.get("Content-Type")),
    encoding,
    whole: async (limit) => {
      const isPlain = encoding === null && announced > 0 && announced <= limit
      const bytes = isPlain
        ? await atOnce(request, announced)
        : await bytesOf(plain(stream(), encoding), limit)
      return { bytes, text: () => textOf(bytes) }
    },
  }
}

/** A body whose size is known: the runtime reads it without handing over each of a thousand pieces. */
async function atOnce(request: Request, announced: number): Promise<Uint8Array> {
  const bytes = await request.arrayBuffer().catch((error: unknown) => {
    throw unreadable(error)
  })
  if (bytes.byteLength < announced) throw brokenOff(bytes.byteLength, announced)
  return new Uint8Array(bytes)
}

/** The stream, except that it is a problem of the request, not of ours, when it ends before its time. */
function whole(stream: ReadableStream<Uint8Array>, announced: number): ReadableStream<Uint8Array> {
  const reader = stream.getReader()
  let size = 0
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw unreadable(error)
      })
      size += value?.length ?? 0
      if (!done) controller.enqueue(value)
      // Some proxies end a body that was broken off as if that were all.
      else if (size < announced) throw brokenOff(size, announced)
      else controller.close()
    },
    cancel: (reason) => reader.cancel(reason),
  })
}

function brokenOff(size: number, announced: number): Problem {
  return unreadable(`${announced} bytes were announced, ${size} came`)
}

function unreadable(error: unknown): Problem {
  const reason = error instanceof Error ? error.message : String(error)
  return new Problem("invalid_request", `The body could not be read: ${reason}`)
}

function plain(bytes: ReadableStream<Uint8Array>, encoding: string | null) {
  const name = encoding?.trim().toLowerCase() ?? ""
  if (name === "" || name === "identity") return bytes
  if (name === "gzip" || name === "x-gzip") {
    return bytes.pipeThrough(new DecompressionStream("gzip") as GunzipStream)
  }
  throw new Problem(
    "unsupported_type",
    `Content-Encoding must be gzip or absent, it is "${encoding}"`,
    { accepted: ["gzip"] },
    { "Accept-Encoding": "gzip" },
  )
}

type GunzipStream = ReadableWritablePair<Uint8Array, Uint8Array>

function mediaType(header: string | null): string {
  return header?.split(";")[0]?.trim().toLowerCase() ?? ""
}

function checkType(header: string | null, types: BodyRule["types"]): void {
  if (types === "any") return
  const type = mediaType(header)
  // application/vnd.api+json and its like are JSON too, as they were for the originals.
  const isJson = types.includes("application/json") && /^application\/[\w.-]+\+json$/.test(type)
  if (types.includes(type) || (isJson && !type.includes("patch+json"))) return
  const got = header === null ? "there is none" : `it is "${header}"`
  throw new Problem(
    "unsupported_type",
    `Content-Type must be ${types.join(" or ")}, ${got}`,
    { accepted: types },
    { Accept: types.join(", ") },
  )
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const announced = Number(request.headers.get("Content-Length") ?? 0)
  if (announced > maxBytes) throw tooLarge(announced, maxBytes)
  const stream = plain(
    (request.body ?? new Blob([]).stream()) as ReadableStream<Uint8Array>,
    request.headers.get("Content-Encoding"),
  )
  return textOf(await bytesOf(stream, maxBytes))
}

async function bytesOf(stream: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of stream) {
      size += chunk.byteLength
      if (size > maxBytes) throw tooLarge(size, maxBytes)
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof Problem) throw error
    // Broken gzip, or a caller who went away.
    throw unreadable(error)
  }
  return joined(chunks, size)
}

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new Problem("invalid_request", "The body must be UTF-8 text", {
      errors: { "": "is not valid UTF-8" },
    })
  }
}

function tooLarge(size: number, limit: number): Problem {
  return new Problem(
    "too_large",
    `The body must be at most ${limit} bytes, it has ${size} or more`,
    {
      limit,
    },
  )
}

/** Refuses what JSON.parse would take one way of several. */
function unambiguous(text: string): Tree {
  try {
    return parseTree(text)
  } catch (error) {
    throw error instanceof Ambiguous ? inexact(error.pointer, error.message) : error
  }
}

/**
 * What `read` makes of a JSON text. Throws Problem: unprocessable when it nests deeper than `maxDepth`, invalid_json, and
 * what `read` throws.
 */
export function parse<Value>(
  text: string,
  read: (text: string) => Value,
  maxDepth: number = JSON_MAX_DEPTH,
): Value {
  const depth = depthOf(text)
  if (depth > maxDepth) {
    throw new Problem(
      "unprocessable",
      `The body must nest at most ${maxDepth} levels deep, it has ${depth}`,
      { limit: maxDepth },
    )
  }
  try {
    return read(text)
  } catch (error) {
    if (error instanceof Problem) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new Problem("invalid_json", `The body must be JSON: ${reason}`, {
      errors: { "": reason },
      message: "The body is not valid JSON",
    })
  }
}
