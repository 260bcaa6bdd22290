/** Schemas that every noun uses. */
import * as z from "zod"
import type { ReplyRule } from "./endpoint.ts"
import { PROBLEMS } from "./problem.ts"

export const ProblemDocument = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(Object.keys(PROBLEMS) as (keyof typeof PROBLEMS)[]),
    detail: z.string(),
    errors: z.record(z.string(), z.string()).optional(),
  })
  .meta({
    id: "Problem",
    description: "RFC 9457 problem; `errors` maps the place to what is wrong",
  })

/**
 * Any JSON object, untouched. Not z.record: that copies, and a copy loses a member called `__proto__`. Numbers
 * kept as text are objects without a prototype, and no JSON object.
 */
export const JsonObject = z
  .custom<Record<string, unknown>>(
    (value) =>
      typeof value === "object" &&
      value !== null &&
      Object.getPrototypeOf(value) === Object.prototype,
    "Invalid input: expected object",
  )
  .meta({ type: "object" })

export const Revision = z.int().meta({ description: "The change's place in the one order" })

/** The parameters of a path with one name in it. */
export function ItemParams<Name extends string>(name: Name, description: string) {
  return z.object({ [name]: z.string().min(1).meta({ description }) } as Record<Name, z.ZodString>)
}

/** The replies that are problems, by status. */
export function problems(...statuses: number[]): Record<number, ReplyRule> {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: Object.values(PROBLEMS)
          .filter((row) => row[0] === status)
          .map((row) => row[2])
          .join(", or "),
        schema: ProblemDocument,
        type: "application/problem+json",
      },
    ]),
  )
}
