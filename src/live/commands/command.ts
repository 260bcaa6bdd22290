/** One command in, one reply out. No WebSocket and no store: a command is a request into the app. */
import { byteLength } from "../../lib/bytes.ts"
import { depthOf } from "../../lib/json.ts"
import { Ambiguous, parseTree, textOf, type Tree } from "../../lib/tree.ts"
import { Command, CommandId, doneText, refusedText } from "../../protocol/frames.ts"
import { JSON_MAX_DEPTH } from "../../protocol/limits.ts"
import { FRAME_MAX_BYTES } from "../../protocol/live-limits.ts"
import { inexact, Problem } from "../../protocol/problem.ts"
import { ask, Refusal, type Dispatch } from "../ask.ts"
import type { Backlog } from "./backlog.ts"
import type { Follower } from "../delivery/follower.ts"
import type { Attendance } from "../hooks.ts"
import type { Memories } from "../delivery/memories.ts"
import type { Readings } from "../readings.ts"
import { resume } from "./resume.ts"
import type { Session } from "../session.ts"
import { subscribe } from "./subscribe.ts"
import type { Topics } from "../topics.ts"
import { tidied, topicOf, type Resolve } from "../uris.ts"

/** What commands work with. */
export interface Bench {
  topics: Topics
  memories: Memories
  follower: Follower
  resolve: Resolve
  dispatch: Dispatch
  readings: Readings
  backlog: Backlog
  attendance: Attendance
}

/** Does what a frame says and sends its reply. Never rejects: a bad frame does not cost the socket. */
export async function obey(
  message: string | ArrayBuffer,
  session: Session,
  bench: Bench,
): Promise<void> {
  let id: CommandId = null
  try {
    // One level is the frame's own.
    const text = textIn(message, 1)
    const value = parse(text)
    id = CommandId.catch(null).parse((value as { id?: unknown } | null)?.id)
    await perform(check(value), text, session, bench)
  } catch (error) {
    session.send(refusedText(id, problemText(error)))
  }
}

/** The reply to a frame that is not even read, with the id it would have had. */
export function refuse(message: string | ArrayBuffer, session: Session, problem: Problem): void {
  const id =
    typeof message === "string" ? /"id"\s*:\s*(\d{1,15}|"[^"\\]{0,100}")/.exec(message) : null
  session.send(
    refusedText(id ? (JSON.parse(id[1] ?? "null") as CommandId) : null, problemText(problem)),
  )
}

async function perform(
  command: Command,
  text: string,
  session: Session,
  bench: Bench,
): Promise<void> {
  if (command.event === "subscribe") return subscribe(command, session, bench)
  if (command.event === "resume") return resume(command, session, bench)
  const { id } = command
  if (command.event === "unsubscribe") {
    const uri = topicOf(command.uri, bench.resolve)
    const target = bench.resolve(command.uri)
    const isFollowed = session.floor(uri) !== undefined
    if (isFollowed && target?.endpoint.isHooked) {
      await bench.attendance.leave(target, session.who)
      if (session.closed) return
    }
    session.leave(uri)
    bench.topics.remove(uri, session)
    session.send(doneText(id, { uri }))
    return
  }
  const uri = bench.resolve(command.uri)?.topic ?? tidied(command.uri)
  const body = bodyIn(text)
  const isJsonPatch = command.event === "patch" && body?.startsWith("[")
  const type = isJsonPatch ? "application/json-patch+json" : "application/json"
  const answer = await ask(bench.dispatch, session.who, METHODS[command.event], uri, body, type)
  const done = { uri, ...(answer.revision === null ? {} : { revision: answer.revision }) }
  const made = answer.location === null ? {} : { member: answer.location }
  const reply =
    command.event === "create"
      ? doneText(id, { ...done, ...made }, answer.json)
      : doneText(id, done)
  session.send(reply)
}

const METHODS = { create: "POST", patch: "PATCH", delete: "DELETE" } as const

/** What the command carries, as it was written; undefined for a delete. */
function bodyIn(text: string): string | undefined {
  try {
    const members = parseTree(text) as Map<string, Tree>
    const name = BODIES[members.get("event") as keyof typeof BODIES]
    return name && textOf(members.get(name) ?? new Map())
  } catch (error) {
    throw error instanceof Ambiguous ? inexact(error.pointer, error.message) : error
  }
}

/** The member that carries it, by the event as it stands in the text. */
const BODIES = { '"create"': "attributes", '"patch"': "patch" } as const

/** The text of a frame that is none too large; `levels` are those around the resource. Throws Problem bad_frame. */
export function textIn(message: string | ArrayBuffer, levels: number): string {
  if (typeof message !== "string") throw badFrame("A frame must be text, this one is binary")
  const bytes = byteLength(message)
  if (bytes > FRAME_MAX_BYTES) {
    const limit = `A frame must be at most ${FRAME_MAX_BYTES} bytes, this one has ${bytes}`
    throw badFrame(limit, { limit: FRAME_MAX_BYTES })
  }
  if (depthOf(message) > JSON_MAX_DEPTH + levels) {
    const limit = `A frame must nest at most ${JSON_MAX_DEPTH} levels below itself`
    throw badFrame(limit, { limit: JSON_MAX_DEPTH })
  }
  return message
}

/** A value that JavaScript rounds will do to look at the frame's form. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw badFrame(`A frame must be JSON: ${error instanceof Error ? error.message : error}`)
  }
}

function check(value: unknown): Command {
  const { success, data, error } = Command.safeParse(value)
  if (success) return data
  const errors: Record<string, string> = {}
  for (const { path, message } of error.issues) errors[path.map(String).join(".")] ??= message
  const [place = "", wrong = ""] = Object.entries(errors)[0] ?? []
  throw badFrame(`${place === "" ? "The frame" : `"${place}"`} is wrong: ${wrong}`, { errors })
}

function badFrame(detail: string, details = {}): Problem {
  return new Problem("bad_frame", detail, details)
}

/** The problem document of whatever was thrown. */
export function problemText(error: unknown): string {
  if (error instanceof Refusal) return error.json
  if (error instanceof Problem) return error.toText()
  console.error({
    event: "internal_error",
    message: error instanceof Error ? error.message : String(error),
    stack: error instanceof Error ? error.stack : undefined,
  })
  return JSON.stringify(
    new Problem("internal", "The service failed on this command; its log says more"),
  )
}
