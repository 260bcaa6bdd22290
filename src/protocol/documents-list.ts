/** What a list of documents may be asked for, and what it answers. */
import * as z from "zod"
import {
  DOCUMENT_LIST_MAX_TESTS,
  DOCUMENT_LIST_SCAN_ROWS,
  LIST_MAX_ITEMS,
  SORT_TEXT_CHARACTERS,
  WHERE_MAX_TERMS,
} from "./limits.ts"
import { JsonObject, Revision } from "./shared.ts"

export const DocumentListQuery = z.object({
  prefix: z.string().optional().meta({ description: "The beginning of the name", example: "to" }),
  where: z
    .string()
    .optional()
    .meta({
      description: `Only documents for which this holds, at most ${WHERE_MAX_TERMS} tests; see above`,
      example: 'data.theme eq "dark" and not (data.size gt 12 or data.tags contains "x")',
    }),
  sort: z
    .string()
    .optional()
    .meta({
      description:
        `Paths as in ` +
        "`where`" +
        `, each with a minus where the greatest is first; the order of creation when absent. Absent values come first, then null, false, true, numbers, texts (by code point, the first ${SORT_TEXT_CHARACTERS} characters count), arrays, objects; equal ones by creation`,
      example: "-data.size,name",
    }),
  fields: z.string().optional().meta({
    description:
      "What to show of each document: `name`, `data`, `data.theme`, `revision`, `created`, or `*` for all; the name when absent",
    example: "name,data.theme",
  }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(LIST_MAX_ITEMS)
    .optional()
    .meta({ description: `Documents in one answer; ${LIST_MAX_ITEMS} when absent`, example: 100 }),
  cursor: z.string().optional().meta({ description: "From the `Link` of the page before" }),
  count: z
    .enum(["0", "1", ""])
    .optional()
    .meta({ description: "1: the header `X-Total-Count` says how many there are on all pages" }),
})

export const DocumentEntry = z
  .strictObject({
    name: z.string(),
    data: JsonObject.meta({ description: "The data, or the members that `fields` named" }),
    revision: Revision,
    created: z.int().meta({ description: "The revision that created it" }),
  })
  .partial()
  .meta({ id: "DocumentEntry" })

export const DOCUMENT_LIST_DESCRIPTION = `Names in the order of creation, unless asked otherwise. When there is more than fits one answer, the header \`Link\` names the next; pages stay right while documents come and go: none that stays where it is in the order is skipped or comes twice.

**where** is made of tests, joined by \`and\`, \`or\`, \`not\` and parentheses; \`and\` binds closer than \`or\`. A test is a path, a word and a value:

| Test | Holds when |
| --- | --- |
| \`data.theme eq "dark"\` | the value is this text, number, \`true\`, \`false\` or \`null\` |
| \`data.theme ne "dark"\` | \`eq\` does not hold: also when there is no such value |
| \`data.size lt 12\`, \`lte\`, \`gt\`, \`gte\` | both are numbers, or both texts (by code point), and in this order |
| \`data.theme in ["dark","light"]\` | \`eq\` holds for one of them |
| \`data.tags contains "x"\` | an array has this element, or a text this part |
| \`data.theme exists\`, \`exists false\` | there is a value, if only \`null\`; there is none |

A path is \`name\`, \`revision\`, \`created\` or begins with \`data\`: \`data.user.name\`, \`data.tags[0]\`, \`data."odd name".x\`. A member needs quotes unless it is of letters, digits, \`_\`, \`$\` and \`-\`. Values are JSON: texts in double quotes. Nothing is converted: \`"1"\` is not \`1\`, and integers of 64 bits are compared exactly. \`not\` is the exact opposite of what follows it. A mistake is a 400 that names the character.

A page costs a row read per document, in the order of name (\`sort=name\`) or of creation. With a prefix in the order of creation it costs what it takes to find them among the others, or to sort all that have it, whichever is less: a few rows per document where most have it or few do. A filter looks at documents until the page is full or ${DOCUMENT_LIST_SCAN_ROWS} were looked at (fewer with more than ${DOCUMENT_LIST_MAX_TESTS / DOCUMENT_LIST_SCAN_ROWS} tests), so that a page may hold less than \`limit\` and still name the next. Other orders and \`count\` look at all documents (with the prefix), at most so many, else the answer is a 413.`
