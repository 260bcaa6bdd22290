/** Paths as users write them: `/todo/:id`, `/todo/<id>`, `/todo/<int:id>`. The converters are Werkzeug's. Pure. */
import * as z from "zod"
import { Name } from "../protocol/shared.ts"

/** The parameters in a path: numbers for `int` and `float`, else strings. */
export type PathParams<Text extends string> = Text extends `${infer Segment}/${infer Rest}`
  ? Param<Segment> & PathParams<Rest>
  : Param<Text>

type Param<Segment extends string> = Segment extends `<${infer Kind}:${infer Name}>`
  ? { [Key in Name]: Kind extends "int" | "float" ? number : string }
  : Segment extends `<${infer Name}>` | `:${infer Name}`
    ? { [Key in Name]: string }
    : unknown

/** From the decoded text of a segment to what handlers get; undefined: this is no such thing. */
export interface Converter {
  convert: (text: string) => string | number | undefined
  schema: z.ZodType
  /** Takes whatever a name may be. */
  isOpen?: true
}

export interface Path {
  /** As the endpoint table has it. */
  path: string
  converters: Readonly<Record<string, Converter>>
}

/** Thrown where a resource is defined, not when it is called. */
export class InvalidUriError extends Error {
  override name = "InvalidUriError"
}

/** Throws InvalidUriError. */
export function parsePath(text: string): Path {
  const parts = text.startsWith("/") ? text.slice(1).split("/") : [""]
  // A slash at the end makes a list, one alone the list of everything.
  const isList = parts.at(-1) === ""
  if (isList) parts.pop()
  const converters: Record<string, Converter> = {}
  const segments = parts.map((part, at) => {
    const [, kind = "", values, name] =
      /^(?::|<(?:(\w+)(?:\(([^()]*)\))?:)?)(\w+)>?$/.exec(part) ?? []
    const isClosed = part.startsWith("<") === part.endsWith(">")
    if (!name || !isClosed) {
      if (/^[\w.~-]+$/.test(part)) return part
      throw invalid(text)
    }
    if (name in converters) throw new InvalidUriError(`"${name}" is there twice: "${text}"`)
    const converter = converterOf(kind || "string", values)
    if (!converter) throw invalid(text)
    converters[name] = converter
    if (kind !== "path") return `:${name}`
    if (isList || at < parts.length - 1) {
      throw new InvalidUriError(`"<path:${name}>" must be the last segment: "${text}"`)
    }
    return `:${name}*`
  })
  if (!text.startsWith("/")) throw invalid(text)
  const path = `/${segments.join("/")}`
  return { path: isList && path !== "/" ? `${path}/` : path, converters }
}

function invalid(text: string): InvalidUriError {
  const wish = "<int:name>, <float:name>, <uuid:name>, <any(a,b):name> and <path:name>"
  return new InvalidUriError(`A path is made of "/name", "/:parameter", ${wish}: "${text}"`)
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

function converterOf(kind: string, values: string | undefined): Converter | null {
  if (kind === "any") {
    const allowed = (values ?? "").split(",").map((value) => value.trim())
    if (allowed.includes("")) return null
    const convert = (text: string) => (allowed.includes(text) ? text : undefined)
    return { convert, schema: z.enum(allowed) }
  }
  if (values !== undefined) return null
  if (kind === "string") return { convert: (text) => text, schema: Name, isOpen: true }
  // An empty rest would be the list above it.
  if (kind === "path") {
    return { convert: (text) => text || undefined, schema: z.string().min(1), isOpen: true }
  }
  if (kind === "uuid") {
    return {
      convert: (text) => (UUID.test(text) ? text : undefined),
      schema: z.string().regex(UUID).meta({ format: "uuid" }),
    }
  }
  if (kind === "int") return { convert: (text) => integerOf(text), schema: z.int().min(0) }
  if (kind === "float") {
    return { convert: floatOf, schema: z.number().min(0) }
  }
  return null
}

/** Digits only, as many as a number keeps exactly. */
function integerOf(text: string): number | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : undefined
  return Number.isSafeInteger(number) ? number : undefined
}

/** As Werkzeug's, it needs its point. */
function floatOf(text: string): number | undefined {
  return /^\d+\.\d+$/.test(text) ? Number(text) : undefined
}

/** Whether every parameter is such as its converter takes. */
export function convertible(
  converters: Readonly<Record<string, Converter>>,
  params: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(converters).every(
    ([name, { convert }]) => convert(params[name] ?? "") !== undefined,
  )
}
