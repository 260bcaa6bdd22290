/** What JSON bodies say of a key: its value and its end, as they were written. Pure. */
import { stringOf, textOf, type Tree } from "../lib/tree.ts"
import type { JsonBody } from "../protocol/endpoint.ts"
import { Problem } from "../protocol/problem.ts"
import { GIVING, readGiven } from "./given.ts"
import { readBodyEnding, readStep } from "./input.ts"
import type { Value } from "./value.ts"
import type { Ending } from "./write.ts"

const ENDING = ["expire_in", "expire_at", "warn", "on_expire"] as const
/** What a key is told to be, beside its own name. */
const MEMBERS = [...GIVING, "inc", ...ENDING]

/** What a PATCH says: to count, or a value and how the key is to end, each where it is said. */
export type Patch = { step: string } | ({ step?: undefined; value: Value | undefined } & Ending)

/**
 * Reads a PATCH: `value`, or the key's own name as GET shows it; when it expires; or `inc`, alone.
 * Throws Problem: invalid_request, unprocessable, too_large.
 */
export function readPatch(id: string, { value: body, tree }: JsonBody<object>, now: number): Patch {
  const wrong: [member: string, what: string][] = []
  const members = new Map(tree as Map<string, Tree>)
  const own = members.get(id)
  // A key may have the name of a member: then a text is its value.
  const isOwn =
    own !== undefined && (!MEMBERS.includes(id) || (id !== "value" && stringOf(own) !== null))
  if (isOwn) {
    members.delete(id)
    // As a merge patch it would mean some of the members.
    if (own instanceof Map) wrong.push([id, 'must be no object: "value" takes the place of all'])
    const value = members.get("value") ?? own
    if (textOf(value) !== textOf(own)) wrong.push([id, 'says another value than "value"'])
    members.set("value", value)
  }
  for (const member of members.keys()) {
    if (MEMBERS.includes(member)) continue
    wrong.push([member, `must be one of "${MEMBERS.join('", "')}", or "${id}"`])
  }
  // What a merge patch would mean by it is a delete.
  if (members.get("value") === "null") {
    wrong.push([isOwn ? id : "value", "must not be null: PUT takes that, DELETE removes a key"])
  }
  const inc = members.get("inc")
  if (inc !== undefined && members.size > 1) wrong.push(["inc", "goes alone"])
  if (wrong[0]) {
    const [member, what] = wrong[0]
    const errors = Object.fromEntries(wrong)
    throw new Problem("invalid_request", `"${member}" ${what}`, { errors })
  }
  if (inc !== undefined) return { step: stepOf(inc) }
  return { value: readGiven(members), ...readTreeEnding(members, body, now) }
}

/** The same of an end that stands in a tree; `body` are its values. */
export function readTreeEnding(
  members: ReadonlyMap<string, Tree>,
  body: object,
  now: number,
  unsaid?: null,
): Ending {
  const said = Object.fromEntries(Object.entries(body).filter(([name]) => members.has(name)))
  const action = members.get("on_expire")
  const text = action === undefined || action === "null" ? undefined : textOf(action)
  return readBodyEnding({ ...said, action: action === "null" ? null : text }, now, unsaid)
}

/** A decimal, as a number or as text. */
function stepOf(given: Tree): string {
  return readStep(stringOf(given) ?? textOf(given), false, "inc")
}
