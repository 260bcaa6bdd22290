/** Events as commands of frames.ts. Pure. */
import { Command } from "../../protocol/frames.ts"
import { missingUri, wrongType } from "./failure.ts"

const COMMANDS: readonly string[] = Command.options.map((option) => option.shape.event.value)
/** Commands that the original took with a URI alone. */
const ALONE = ["subscribe", "unsubscribe"]

/** A command as yet unchecked. */
export interface Asked {
  event: string
  uri: string
  [member: string]: unknown
}

/** The command that an event asks for; null for an event that is none of ours. Throws Failed for wrong arguments. */
export function commandOf([event, ...args]: readonly unknown[]): Asked | null {
  if (typeof event !== "string" || !COMMANDS.includes(event)) return null
  const [payload] = args
  if (args.length !== 1) throw wrongType(`"${event}" takes one argument, got ${args.length}`)
  if (ALONE.includes(event)) {
    if (typeof payload === "string") return { event, uri: payload, id: null }
    if (isObject(payload) && typeof payload["uri"] === "string") return of(event, payload)
    throw wrongType(`"${event}" takes a URI, got ${show(payload)}`)
  }
  // The original asked `"uri" in payload`, which texts and arrays answer too.
  if (isObject(payload) ? !("uri" in payload) : hasNoUri(payload)) throw missingUri()
  if (!isObject(payload)) throw wrongType(`"${event}" takes an object, got ${show(payload)}`)
  if (typeof payload["uri"] === "string") return of(event, payload)
  throw wrongType(`"uri" must be a string, got ${show(payload["uri"])}`)
}

function of(event: string, payload: Record<string, unknown>): Asked {
  return { ...payload, event, uri: payload["uri"] as string, id: null }
}

function hasNoUri(payload: unknown): boolean {
  return (typeof payload === "string" || Array.isArray(payload)) && !payload.includes("uri")
}

/** Numbers kept as text are objects without a prototype, and none to us. */
function isObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false
  return Object.getPrototypeOf(value) === Object.prototype
}

function show(value: unknown): string {
  return JSON.stringify(value).slice(0, 100)
}
