/** What a list of keys may be asked for, and what may be deleted by the same words. */
import * as z from "zod"
import { consistency } from "./keys-consistency.ts"
import {
  KEY_LIST_SCAN_ROWS,
  KEY_PATTERN_MAX_CHARACTERS,
  KEYS_DELETE_MAX,
  LIST_MAX_ITEMS,
} from "./limits.ts"
import { Revision } from "./shared.ts"

const filter = z.string().max(KEY_PATTERN_MAX_CHARACTERS).meta({
  description: "The beginning of the name; every `$` stands for one character",
  example: "wo$d",
})

const match = z
  .string()
  .min(1, "must not be empty; `*` is any name")
  .max(KEY_PATTERN_MAX_CHARACTERS)
  .meta({
    description:
      "The whole name: `*` stands for any text, `?` for one character, `[a-z]` for one of these, `[^a-z]` for one of the others, `\\` takes what follows for itself",
    example: "session:*",
  })

export const KeyListQuery = z.object({
  filter: filter.optional(),
  match: match.optional(),
  keys_only: z
    .enum(["0", "1", ""])
    .optional()
    .meta({ description: "1: the names alone, as an array of texts" }),
  count: z
    .enum(["0", "1", ""])
    .optional()
    .meta({ description: "1: the header `X-Total-Count` says how many there are on all pages" }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(LIST_MAX_ITEMS)
    .optional()
    .meta({ description: `Keys in one answer; ${LIST_MAX_ITEMS} when absent`, example: 100 }),
  consistency: consistency.meta({ description: "The list is always strong" }),
  cursor: z.string().optional().meta({ description: "From the `Link` of the page before" }),
})

export const KEY_LIST_DESCRIPTION = `As they are right after a write. When there are more than fit one answer, the header \`Link\` names the next; no key that stays is skipped or comes twice.

\`match\` is a glob as Redis has them, but by character and never slower than the length of both allows. What stands before its first wildcard narrows what is looked at: a page costs a row read for each key that begins so, until it is full. It looks at ${KEY_LIST_SCAN_ROWS} keys at most, so that it may hold fewer than \`limit\` and still name the next. \`count\` looks at all of them, at most so many, else the answer is a 413.`

/** Strict: whoever misspells `match` must not delete everything. */
export const KeysDeleteQuery = z.strictObject({
  match: match.optional(),
  filter: filter.min(1, "must not be empty").optional(),
  max_affected: z.coerce.number().int().min(0).max(KEYS_DELETE_MAX).optional().meta({
    description: "When more keys than this match, nothing is deleted, and a 409 tells how many",
    example: 100,
  }),
})

export const KEYS_DELETE_DESCRIPTION = `Without a query all keys are deleted. With \`match\`, \`filter\` or \`max_affected\` those that match are, at most ${KEYS_DELETE_MAX} at once, in one commit; the answer says how many.`

export const KeysDeleted = z
  .strictObject({
    deleted: z.int().meta({ description: "How many keys there were" }),
    revision: Revision.optional().meta({ description: "Absent where nothing changed" }),
  })
  .meta({ id: "KeysDeleted" })
