/** One command in, one reply out. No WebSocket and no store: a command is a request into the app. */
import type { Feed } from "../feed/feed.ts"
import { byteLength } from "../lib/bytes.ts"
import { depthOf, parseExact } from "../lib/json.ts"
import { Command, CommandId, doneText, refusedText } from "../protocol/frames.ts"
import { FRAME_MAX_BYTES, JSON_MAX_DEPTH } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { ask, Refusal, type Dispatch } from "./ask.ts"
import type { Follower } from "./follower.ts"
import type { Session } from "./session.ts"
import { subscribe } from "./subscribe.ts"
import type { Topics } from "./topics.ts"
import { tidied, type Resolve } from "./uris.ts"

/** What commands work with. */
export interface Bench {
  topics: Topics
  follower: Follower
  resolve: Resolve
  dispatch: Dispatch
  feed: () => Pick<Feed, "since">
}

/** Does what a frame says and sends its reply. Never rejects: a bad frame does not cost the socket. */
export async function obey(
  message: string | ArrayBuffer,
  session: Session,
  bench: Bench,
): Promise<void> {
  let id: CommandId = null
  try {
    const value = parse(message)
    id = CommandId.catch(null).parse((value as { id?: unknown } | null)?.id)
    await perform(check(value), session, bench)
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

async function perform(command: Command, session: Session, bench: Bench): Promise<void> {
  if (command.event === "subscribe") return subscribe(command, session, bench)
  const { id } = command
  const uri = bench.resolve(command.uri)?.topic ?? tidied(command.uri)
  if (command.event === "unsubscribe") {
    session.leave(uri)
    bench.topics.remove(uri, session)
    session.send(doneText(id, { uri }))
    return
  }
  const [method, body] = requestOf(command)
  const json = body === undefined ? undefined : JSON.stringify(body)
  const answer = await ask(bench.dispatch, session.who, method, uri, json)
  const done = { uri, ...(answer.revision === null ? {} : { revision: answer.revision }) }
  const made = answer.location === null ? {} : { member: answer.location }
  const reply =
    command.event === "create"
      ? doneText(id, { ...done, ...made }, answer.json)
      : doneText(id, done)
  session.send(reply)
}

function requestOf(
  command: Exclude<Command, { event: "subscribe" | "unsubscribe" }>,
): [method: string, body?: unknown] {
  if (command.event === "create") return ["POST", command.attributes]
  if (command.event === "patch") return ["PATCH", command.patch]
  return ["DELETE"]
}

function parse(message: string | ArrayBuffer): unknown {
  if (typeof message !== "string") throw badFrame("A frame must be text, this one is binary")
  const bytes = byteLength(message)
  if (bytes > FRAME_MAX_BYTES) {
    const limit = `A frame must be at most ${FRAME_MAX_BYTES} bytes, this one has ${bytes}`
    throw badFrame(limit, { limit: FRAME_MAX_BYTES })
  }
  // One level is the frame's own.
  if (depthOf(message) > JSON_MAX_DEPTH + 1) {
    const limit = `A frame must nest at most ${JSON_MAX_DEPTH} levels below itself`
    throw badFrame(limit, { limit: JSON_MAX_DEPTH })
  }
  try {
    return parseExact(message)
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

function problemText(error: unknown): string {
  if (error instanceof Refusal) return error.json
  if (error instanceof Problem) return JSON.stringify(error)
  console.error({
    event: "internal_error",
    message: error instanceof Error ? error.message : String(error),
    stack: error instanceof Error ? error.stack : undefined,
  })
  return JSON.stringify(
    new Problem("internal", "The service failed on this command; its log says more"),
  )
}
