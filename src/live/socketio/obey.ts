/** One event in; out of it come events, and the acknowledgement where one is wanted. */
import { Ambiguous, parseTree, type Tree } from "../../lib/tree.ts"
import { inexact, Problem } from "../../protocol/problem.ts"
import { obey, problemText, textIn, type Bench } from "../commands/command.ts"
import type { Session } from "../session.ts"
import { tidied } from "../uris.ts"
import { commandOf, nameOf, type Asked } from "./command.ts"
import { Failed, failureOf, failureText, wrongType, type Failure } from "./failure.ts"
import type { IoLine } from "./line.ts"
import { ackText, eventText, type Packet } from "./packet.ts"
import { ackOf, isDone, problemOf } from "./translate.ts"

/** Does what an event says. Never rejects. */
export async function obeyEvent(
  packet: Packet,
  line: IoLine,
  session: Session,
  bench: Bench,
): Promise<void> {
  if (session.closed) return
  let event = ""
  try {
    if (packet.type === "binary") throw wrongType("Binary data cannot be taken")
    // Two levels are the packet's own: the arguments, and the payload.
    const args = read(textIn(packet.json, 2))
    event = nameOf(args) ?? ""
    const asked = commandOf(args)
    if (asked) await carry(asked, packet, line, session, bench)
    else acknowledge(wrongType("There is no such event").failure, packet, line)
  } catch (error) {
    const failure = error instanceof Failed ? error.failure : failureOf(problemText(error), "", "")
    tell(failure, event, packet, line)
  }
}

/** Refuses an event that is not even read. */
export function refuseEvent(packet: Packet, line: IoLine, problem: Problem): void {
  tell(failureOf(problem.toText(), "", ""), "", packet, line)
}

/** Arguments as a tree. Throws Problem: bad_frame, and unprocessable where a member is given twice. */
function read(json: string): Tree {
  try {
    return parseTree(json)
  } catch (error) {
    // Its place in the payload, not in the list of arguments.
    if (error instanceof Ambiguous)
      throw inexact(error.pointer.replace(/^\/\d+/, ""), error.message)
    const reason = error instanceof Error ? error.message : String(error)
    throw new Problem("bad_frame", `The arguments of an event must be JSON: ${reason}`)
  }
}

async function carry(
  asked: Asked,
  packet: Packet,
  line: IoLine,
  session: Session,
  bench: Bench,
): Promise<void> {
  const { event, uri, frame } = asked
  const topic = bench.resolve(uri)?.topic ?? tidied(uri)
  const isBare = uri !== "" && !uri.startsWith("/")
  // Before it is obeyed: the state goes out in the same turn.
  if (event === "subscribe") line.spell(topic, isBare)
  await obey(frame, session, bench)
  if (session.floor(topic) === undefined) line.spell(topic, false)
  const reply = line.takeReply()
  // The original told the events of a command before it acknowledged it.
  await bench.follower.drain(false)
  if (reply === null) return
  if (!isDone(reply)) tell(failureOf(problemOf(reply), event, uri), event, packet, line)
  else if (packet.id !== null) line.say(ackOf(packet.namespace, packet.id, reply, isBare))
}

/** Tells a failure, as the original did, by an event whether or not it is acknowledged. */
function tell(failure: Failure, event: string, packet: Packet, line: IoLine): void {
  const { namespace } = packet
  // To leave a room was never an error.
  if (event !== "unsubscribe") line.say(eventText(namespace, failure.event, failureText(failure)))
  acknowledge(failure, packet, line)
}

function acknowledge({ problem }: Failure, { namespace, id }: Packet, line: IoLine): void {
  if (id !== null) line.say(ackText(namespace, id, `{"ok":false,"problem":${problem}}`))
}
