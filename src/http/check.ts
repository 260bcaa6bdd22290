/** Zod at the door: what does not fit becomes one problem that names every place. */
import type * as z from "zod"
import { Problem } from "../protocol/problem.ts"

/**
 * The value as the schema wants it.
 * @param place where the value is: "" for a body, "query" or "path"; issues are named `<place>.<path>`
 * @param written the value as it was written, where a problem that shows it should
 * Throws Problem invalid_request with `errors`, place → what is wrong.
 */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: string,
  written?: () => unknown,
): z.output<Schema> {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  if (written) return check(schema, written(), place)
  const errors: Record<string, string> = {}
  for (const issue of result.error.issues) {
    const path = [...(place === "" ? [] : [place]), ...issue.path.map(String)].join(".")
    errors[path] ??= `${issue.message}, got ${show(valueAt(value, issue.path))}`
  }
  const [first = ["", ""]] = Object.entries(errors)
  const where = first[0] === "" ? "The body" : `"${first[0]}"`
  throw new Problem("invalid_request", `${where} is wrong: ${first[1]}`, {
    errors,
    message: "Input payload validation failed",
  })
}

/** What was sent; an issue has what was made of it. */
function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((found, key) => (found as Record<PropertyKey, unknown>)?.[key], value)
}

const SHOWN_CHARACTERS = 80

/** A value in a sentence, cut short. */
export function show(value: unknown): string {
  const text = value === undefined ? "nothing" : (JSON.stringify(value) ?? typeof value)
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}
