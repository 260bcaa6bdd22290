import { describe, expect, it } from "vitest"
import { Backlog } from "../../src/live/commands/backlog.ts"
import { obey } from "../../src/live/commands/command.ts"
import { Readings } from "../../src/live/readings.ts"
import { Problem } from "../../src/protocol/problem.ts"
import { followed } from "./hub.world.ts"

/** The world with an app that answers when it is told to. */
async function served() {
  const made = await followed()
  const { topics, follower, resolve, feed, session } = made
  const answers: ((response: Response) => void)[] = []
  const asked: Promise<void>[] = []
  let heard = () => {}
  const expectAsk = () => asked.push(new Promise((resolveAsk) => (heard = resolveAsk)))
  expectAsk()
  const dispatch = () =>
    new Promise<Response>((answer) => {
      answers.push(answer)
      heard()
    })
  const bench = {
    topics,
    memories: made.memories,
    follower,
    resolve,
    dispatch,
    readings: new Readings({ dispatch, again: () => Promise.reject(new Error("Too many")) }),
    backlog: new Backlog(feed),
    attendance: made.attendance,
  }
  return {
    ...made,
    /** Resolves when the app has been asked. */
    asked: () => asked[0],
    say: (command: object) => obey(JSON.stringify({ id: 1, ...command }), session, bench),
    answer(revision: number | null, body: object | Problem) {
      const isProblem = body instanceof Problem
      const type = isProblem ? "application/problem+json" : "application/json"
      const headers = new Headers({ "Content-Type": type })
      if (revision !== null) headers.set("ETag", `"${revision}"`)
      const status = isProblem ? body.status : 200
      answers.shift()?.(new Response(JSON.stringify(body), { status, headers }))
    },
  }
}

const subscribe = (uri: string) => ({ event: "subscribe", uri })
const notFound = new Problem("not_found", "There is nothing")

describe("subscribing while others write", () => {
  it("loses nothing that is committed after the reading and told before the reply", async () => {
    const { say, asked, answer, follower, write, sent } = await served()
    const done = say(subscribe("/l/b"))
    await asked()
    // Read already at 2, on its way back while 3 and 4 are told to everybody else.
    const changes = [1, 2, 3, 4].map(() => write("patch", {}, "/l/b"))
    await follower.hear(changes)
    answer(2, {})
    await done
    expect(sent).toEqual([
      ["reply", 2],
      ["state", 2],
      ["patch", 3],
      ["patch", 4],
    ])
  })

  it("goes on from a position with what was told to others before its turn", async () => {
    const { say, follower, write, sent, readings, said } = await served()
    const changes = [write("state", null)]
    readings.push(() => {
      changes.push(write("patch"), write("patch"))
      return { json: "{}", revision: 3 }
    })
    await follower.hear(changes.slice(0, 1))
    expect(sent.splice(0)).toEqual([["state", 3]])
    await say({ ...subscribe("/l/a"), since: "ab.1" })
    await follower.hear(changes.slice(1))
    expect(said.at(-3)).toMatchObject({ ok: true, resumed: true, position: 3, frames: 2 })
    expect(sent.slice(1)).toEqual([
      ["patch", 2],
      ["patch", 3],
    ])
  })

  it("tells nothing again that the state shows, although the hub hears of it later", async () => {
    const { say, asked, answer, follower, write, sent } = await served()
    const changes = [1, 2, 3].map(() => write("patch", {}, "/l/b"))
    const done = say(subscribe("/l/b"))
    await asked()
    answer(2, {})
    await done
    await follower.hear(changes)
    expect(sent).toEqual([
      ["reply", 2],
      ["state", 2],
      ["patch", 3],
    ])
  })

  it("keeps what is told of other topics in order behind the reply", async () => {
    const { say, asked, answer, follower, write, sent } = await served()
    const done = say(subscribe("/l/b"))
    await asked()
    await follower.hear([write("create"), write("create", {}, "/l/b"), write("patch")])
    expect(sent).toEqual([])
    answer(2, {})
    await done
    expect(sent).toEqual([
      ["reply", 2],
      ["state", 2],
      ["state", 1],
      ["patch", 3],
    ])
  })

  it("to something absent tells its state when it comes to be before the reply", async () => {
    const { say, asked, answer, follower, write, said } = await served()
    const done = say(subscribe("/l/b"))
    await asked()
    await follower.hear([write("create", {}, "/l/b")])
    answer(null, notFound)
    await done
    expect(said).toMatchObject([
      { ok: true, absent: true, frames: 0 },
      { event: "state", uri: "/l/b" },
    ])
  })

  it("that fails leaves the subscription as it was, and what was held back is told", async () => {
    for (const uri of ["/l/a", "/l/b"]) {
      const { say, asked, answer, follower, write, sent, session, topics } = await served()
      const done = say(subscribe(uri))
      await asked()
      await follower.hear([write("create"), write("create", {}, "/l/b")])
      answer(null, new Problem("overloaded", "Later"))
      await done
      await follower.hear([write("patch")])
      expect(sent).toEqual([
        ["state", 1],
        ["reply", undefined],
        ["patch", 3],
      ])
      expect([session.topics, topics.all]).toEqual([["/l/a"], ["/l/a"]])
    }
  })

  it("by a socket that closes meanwhile leaves nothing behind", async () => {
    const { say, asked, answer, sent, session, topics } = await served()
    const done = say(subscribe("/l/b"))
    await asked()
    session.closed = true
    topics.remove("/l/a", session)
    answer(2, {})
    await done
    expect(sent).toEqual([])
    expect(topics.isEmpty).toBe(true)
  })
})
