import { describe, expect, it } from "vitest"
import { Backlog } from "../../src/live/commands/backlog.ts"
import { obey, type Bench } from "../../src/live/commands/command.ts"
import type { Reading } from "../../src/live/delivery/fanout.ts"
import { Readings } from "../../src/live/readings.ts"
import { Session } from "../../src/live/session.ts"
import { world } from "./hub.world.ts"

const PAGE = "/p/?limit=2"

/** A hub and those who follow the first two of /p/. */
async function paged() {
  const made = world()
  const follower = made.wake()
  await follower.ready()
  let answer: (reading: { names: string[]; revision: number }) => void = () => {}
  const dispatch = () =>
    new Promise<Response>((resolve) => {
      answer = ({ names, revision }) =>
        resolve(
          new Response(JSON.stringify(names), {
            headers: { "Content-Type": "application/json", ETag: `"${revision}"` },
          }),
        )
    })
  const bench: Bench = {
    ...made,
    follower,
    dispatch,
    readings: new Readings({ dispatch, again: () => Promise.reject(new Error("Too many")) }),
    backlog: new Backlog(made.feed),
    attendance: made.attendance,
  }
  const join = async (names: string[], revision: number, meanwhile = async () => {}) => {
    const said: any[] = []
    const line = { send: (text: string) => said.push(JSON.parse(text)), close() {} }
    const session = new Session({ ...line, serializeAttachment() {} }, "write")
    const command = JSON.stringify({ id: 1, event: "subscribe", uri: PAGE })
    const done = obey(command, session, bench)
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    await meanwhile()
    answer({ names, revision })
    await done
    return { said, heard: () => said.splice(0) }
  }
  /** Changes come to be; the hub hears of them, and reads the page as of the last one. */
  const tell = async (count: number, names: string[]) => {
    const changes = Array.from({ length: count }, () => made.write("create", null, "/p/x"))
    const reading: Reading = { json: JSON.stringify(names), revision: changes.at(-1)!.revision }
    made.readings.push(reading)
    await follower.hear(changes)
  }
  return { ...made, follower, join, tell }
}

const words = (frames: any[]) =>
  frames.map(({ event, member, uri, resource }) => [event, member ?? uri, resource])

describe("what the hub remembers of a page", () => {
  it("tells those who hold it what became different", async () => {
    const { join, tell } = await paged()
    const [one, other] = [await join(["a", "b"], 0), await join(["a", "b"], 0)]
    one.heard()
    other.heard()
    await tell(1, ["b", "c"])
    const told = [
      ["delete", "/p/a", undefined],
      ["create", "/p/c", "c"],
    ]
    expect([words(one.heard()), words(other.heard())]).toEqual([told, told])
  })

  it("is nothing to those who read something newer: all are told the whole", async () => {
    const { join, tell } = await paged()
    const one = await join(["a", "b"], 0)
    one.heard()
    // It reads what the hub has not been told of yet, and what is taken back right after that.
    const late = await join(["b", "c"], 1)
    late.heard()
    await tell(2, ["a", "b"])
    const whole = [["state", PAGE, ["a", "b"]]]
    expect([words(one.heard()), words(late.heard())]).toEqual([whole, whole])
    await tell(1, ["b"])
    const told = [["delete", "/p/a", undefined]]
    expect([words(one.heard()), words(late.heard())]).toEqual([told, told])
  })

  it("is nothing to those who are being told, either", async () => {
    const { join, tell } = await paged()
    const one = await join(["a", "b"], 0)
    one.heard()
    const late = await join(["b", "c"], 1, () => tell(2, ["a", "b"]))
    const whole = ["state", PAGE, ["a", "b"]]
    expect(words(one.heard())).toEqual([whole])
    expect(words(late.heard()).at(-1)).toEqual(whole)
    await tell(1, ["b"])
    const told = [["delete", "/p/a", undefined]]
    expect([words(one.heard()), words(late.heard())]).toEqual([told, told])
  })
})
