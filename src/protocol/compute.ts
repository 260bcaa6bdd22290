/** The sum of two synchronized series, in the protocol of its first callers. */
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"
import { BODY_MAX_BYTES } from "./limits.ts"
import { problems } from "./shared.ts"

const Cell = z.union([z.number(), z.string(), z.boolean(), z.null()])

export const SumBody = z
  .looseObject({
    param: z.looseObject({ scale: z.number() }),
    scalar: z.looseObject({ headers: z.array(z.string()), data: z.array(z.array(Cell)) }),
  })
  .meta({ id: "SumBody" })

export const SumReply = z
  .strictObject({
    scalar: z.strictObject({ data: z.array(z.array(Cell)), headers: z.array(z.string()) }),
    error: z.int().optional().meta({ description: "0 or absent: none. 1: see log" }),
    log: z.string().optional().meta({ description: "What was wrong, in a sentence" }),
  })
  .meta({ id: "SumReply" })

const sum = {
  method: "POST",
  verb: "call",
  tag: "compute",
  summary: "Add two synchronized series row by row and scale the sum",
  body: {
    types: ["application/json"],
    maxBytes: BODY_MAX_BYTES,
    as: "json",
    schema: SumBody,
    example: {
      param: { scale: 2 },
      scalar: {
        headers: ["date", "e1_ts", "e2_ts"],
        data: [
          [1420070400, 1.5, 2],
          [1420156800, 3, 4],
        ],
      },
    },
  },
  replies: {
    200: { description: "`sum_ts` = scale × (e1_ts + e2_ts)", schema: SumReply },
    ...problems(400, 413, 415),
  },
} as const

export const computeEndpoints = {
  "compute.method": { ...sum, path: "/method/" },
  "compute.sum": { ...sum, path: "/sum" },
} as const satisfies Record<string, Endpoint>
