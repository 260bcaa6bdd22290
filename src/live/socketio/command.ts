/** Events as commands of frames.ts. They stay trees of text, so that what they carry arrives as it was written. Pure. */
import { stringOf, textOf, type Tree } from "../../lib/tree.ts"
import { Command } from "../../protocol/frames.ts"
import { missingUri, wrongType } from "./failure.ts"

const COMMANDS: readonly string[] = Command.options.map((option) => option.shape.event.value)
/** Commands that the original took with a URI alone. */
const ALONE = ["subscribe", "unsubscribe"]
/** Commands about many URIs or none. */
const WITHOUT_URI = ["resume"]

/** A command as yet unchecked. */
export interface Asked {
  event: string
  /** As the client writes it; "" for a command that has none. */
  uri: string
  /** The text of the frame. */
  frame: string
}

/** The name of an event; null where it has none, or none of text. */
export function nameOf(args: Tree): string | null {
  return Array.isArray(args) && args[0] !== undefined ? stringOf(args[0]) : null
}

/**
 * The command that the arguments of an event ask for; null for an event that is none of ours.
 * Throws Failed for wrong arguments.
 */
export function commandOf(args: Tree): Asked | null {
  const event = nameOf(args)
  if (event === null || !COMMANDS.includes(event)) return null
  const [, payload, ...more] = args as Tree[]
  if (payload === undefined || more.length > 0) {
    throw wrongType(`"${event}" takes one argument, got ${(args as Tree[]).length - 1}`)
  }
  const members = payload instanceof Map ? payload : null
  if (ALONE.includes(event)) {
    const uri = stringOf(members?.get("uri") ?? payload)
    if (uri === null) throw wrongType(`"${event}" takes a URI, got ${show(payload)}`)
    return asked(event, uri, members ?? new Map([["uri", payload]]))
  }
  if (WITHOUT_URI.includes(event)) {
    if (members) return asked(event, "", members)
    throw wrongType(`"${event}" takes an object, got ${show(payload)}`)
  }
  // The original asked `"uri" in payload`, which texts and arrays answer too.
  if (members ? !members.has("uri") : hasNoUri(payload)) throw missingUri()
  if (!members) throw wrongType(`"${event}" takes an object, got ${show(payload)}`)
  const uri = stringOf(members.get("uri") ?? "")
  if (uri === null) throw wrongType(`"uri" must be a string, got ${show(members.get("uri") ?? "")}`)
  return asked(event, uri, members)
}

function asked(event: string, uri: string, members: Map<string, Tree>): Asked {
  const named = new Map([...members, ["event", JSON.stringify(event)], ["id", "null"]])
  return { event, uri, frame: textOf(named) }
}

function hasNoUri(payload: Tree): boolean {
  const text = stringOf(payload)
  return text === null
    ? Array.isArray(payload) && !payload.includes('"uri"')
    : !text.includes("uri")
}

function show(tree: Tree): string {
  return textOf(tree).slice(0, 100)
}
