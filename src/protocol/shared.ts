/** Schemas that every noun uses. */
import * as z from "zod"
import type { ReplyRule } from "./endpoint.ts"
import { NAME_MAX_BYTES } from "./limits.ts"
import { PROBLEMS } from "./problem.ts"
import { wishOf } from "./wish.ts"

z.config({ customError: wishOf })

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
    { error: ({ input }) => (input === undefined ? "must be given" : "must be an object") },
  )
  .meta({ type: "object" })

export const Revision = z.int().meta({ description: "The change's place in the one order" })

/** A line of a body that could not be used. */
export const BadLine = z
  .strictObject({
    line: z.int().meta({ description: "Counted from 1" }),
    reason: z.string(),
    text: z.string().meta({ description: "The beginning of the line" }),
  })
  .meta({ id: "BadLine" })

const bytesOf = (text: string) => new TextEncoder().encode(text).byteLength

/** A name that can be a segment of a URI. URL parsers take away segments of dots, encoded or not. */
export const Name = z
  .string()
  .min(1)
  .refine((name) => bytesOf(name) <= NAME_MAX_BYTES, {
    error: ({ input }) =>
      `must be at most ${NAME_MAX_BYTES} bytes of UTF-8, it has ${bytesOf(String(input))}`,
  })
  .refine((name) => name !== "." && name !== "..", "must not be a segment of dots")
  // JSON can name half a character (a lone surrogate); no URI can.
  .refine((name) => name.isWellFormed(), "must be text that UTF-8 can hold")

/** The parameters of a path, each with its description. */
export function PathParams<Names extends string>(descriptions: Record<Names, string>) {
  const shape = Object.entries<string>(descriptions).map(([name, description]) => [
    name,
    Name.meta({ description }),
  ])
  return z.object(Object.fromEntries(shape) as Record<Names, typeof Name>)
}

/** The replies that are problems, by status. */
export function problems(...statuses: number[]): Record<number, ReplyRule> {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: Object.entries(PROBLEMS)
          .filter(([code, row]) => row[0] === status && code !== "bad_frame")
          .map(([, row]) => row[2])
          .join("; "),
        schema: ProblemDocument,
        type: "application/problem+json",
      },
    ]),
  )
}
