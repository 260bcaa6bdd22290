/** What schemas wish for, as a clause behind the name of the place. Schemas that say it themselves are left alone. */
import type * as z from "zod"

const NOUNS: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "an integer",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "an array",
}

/** For instance "must be at least 1"; undefined leaves it to zod. */
export function wishOf(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "must be given"
      return `must be ${NOUNS[issue.expected] ?? issue.expected}`
    case "too_small":
      if (issue.origin === "string" && Number(issue.minimum) === 1) return "must not be empty"
      return `must ${amount(issue.origin, issue.inclusive === false ? "more than" : "at least", issue.minimum)}`
    case "too_big":
      return `must ${amount(issue.origin, issue.inclusive === false ? "less than" : "at most", issue.maximum)}`
    case "invalid_value":
      return oneOf(issue.values)
    case "invalid_union":
      return Array.isArray(issue["options"])
        ? oneOf(issue["options"])
        : "has no form that is known here"
    case "unrecognized_keys":
      return `must not have ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}`
    default:
      return undefined
  }
}

function amount(origin: string, bound: string, limit: unknown): string {
  if (origin === "string") return `have ${bound} ${String(limit)} characters`
  if (origin === "array") return `have ${bound} ${String(limit)} items`
  return `be ${bound} ${String(limit)}`
}

function oneOf(values: readonly unknown[]): string {
  // An empty text only stands for what is not given.
  const shown = values.filter((value) => value !== "").map((value) => JSON.stringify(value))
  return shown.length > 1 ? `must be one of ${shown.join(", ")}` : `must be ${shown.join()}`
}
