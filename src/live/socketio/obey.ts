/** One event in; out of it come events, and the acknowledgement where one is wanted. */
import type { Problem } from "../../protocol/problem.ts"
import { carryOut, parseFrame, problemText, type Bench } from "../command.ts"
import type { Session } from "../session.ts"
import { tidied } from "../uris.ts"
import { commandOf, type Asked } from "./command.ts"
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
  let event: unknown
  try {
    if (packet.type === "binary") throw wrongType("Binary data cannot be taken")
    // Two levels are the packet's own: the arguments, and the payload.
    const args = parseFrame(packet.json, 2) as unknown[]
    event = args[0]
    const asked = commandOf(args)
    if (asked) await carry(asked, packet, line, session, bench)
    else acknowledge(wrongType("There is no such event").failure, packet, line)
  } catch (error) {
    const failure = error instanceof Failed ? error.failure : failureOf(problemText(error), "", "")
    tell(failure, String(event), packet, line)
  }
}

/** Refuses an event that is not even read. */
export function refuseEvent(packet: Packet, line: IoLine, problem: Problem): void {
  tell(failureOf(JSON.stringify(problem), "", ""), "", packet, line)
}

async function carry(
  asked: Asked,
  packet: Packet,
  line: IoLine,
  session: Session,
  bench: Bench,
): Promise<void> {
  const { event, uri } = asked
  const topic = bench.resolve(uri)?.topic ?? tidied(uri)
  const isBare = !uri.startsWith("/")
  // Before it is obeyed: the state goes out in the same turn.
  if (event === "subscribe") line.spell(topic, isBare)
  await carryOut(asked, session, bench)
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
