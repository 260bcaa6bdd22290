/** JSON Patch documents: RFC 6902, and `inc`. */
import * as z from "zod"
import { JSON_PATCH_MAX_OPERATIONS } from "./limits.ts"

const Pointer = z
  .string()
  .regex(/^(\/([^~/]|~[01])*)*$/, "must be a JSON Pointer: empty, or each member behind a slash")
  .meta({ examples: ["/data/size"] })
// Not z.unknown(), which a value that is not given is, too.
const Value = z.custom<unknown>((value) => value !== undefined, "must be given").meta({})

const Operation = z
  .discriminatedUnion("op", [
    z.looseObject({ op: z.enum(["add", "replace", "test"]), path: Pointer, value: Value }),
    z.looseObject({ op: z.literal("remove"), path: Pointer }),
    z.looseObject({ op: z.enum(["move", "copy"]), from: Pointer, path: Pointer }),
    z.looseObject({
      op: z.literal("inc"),
      path: Pointer,
      value: z.number("must be a number that a double can hold"),
    }),
  ])
  .meta({ id: "PatchOperation" })

export const JsonPatch = z.array(Operation).max(JSON_PATCH_MAX_OPERATIONS).meta({
  id: "JsonPatch",
  description:
    "RFC 6902, all or nothing; `inc` adds a number to the one that is there, or to 0: integers and decimals exactly while their digits are an int64, others as doubles",
})
