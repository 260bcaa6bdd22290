import { describe, expect, it } from "vitest"
import { followed, world } from "./hub.world.ts"

describe("the follower", () => {
  it("uses what comes along, and reads the journal only for a gap", async () => {
    const { follower, write, sent, reads } = await followed()
    await follower.hear([write("create"), write("patch")])
    expect(reads()).toBe(0)
    write("patch")
    await follower.hear([write("patch")])
    expect(reads()).toBe(1)
    const all = [1, 2, 3, 4].map((revision) => [revision === 1 ? "state" : "patch", revision])
    expect(sent).toEqual(all)
  })

  it("reads page by page to the end", async () => {
    const { follower, write, sent } = await followed()
    for (let at = 0; at < 10; at++) write("patch")
    await follower.drain(true)
    expect(sent.map(([, revision]) => revision)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it("delivers one page at a time however many call", async () => {
    const { follower, write, sent } = await followed()
    const calls = Array.from({ length: 50 }, () => write("patch")).reverse()
    await Promise.all(calls.map((change) => follower.hear([change])))
    expect(sent.map(([, revision]) => revision)).toEqual(calls.map((_, at) => at + 1))
  })

  it("goes on from its place after sleep, and not from before it", async () => {
    const { follower, write, sent, wake } = await followed()
    await follower.hear([write("create")])
    write("patch")
    await wake().hear([write("patch")])
    expect(sent.map(([, revision]) => revision)).toEqual([1, 2, 3])
  })

  it("keeps its place when something cannot be read, says so, and does it again", async () => {
    const { follower, write, sent, failures, readings } = await followed()
    readings.push(new Error("overloaded"))
    await follower.hear([write("create"), write("state", null), write("patch")])
    expect(failures).toHaveLength(1)
    expect(sent).toEqual([])
    readings.push({ json: "{}", revision: 2 })
    await follower.drain(true)
    expect(sent.map(([event]) => event)).toEqual(["state", "state", "patch"])
  })

  it("does not forget through sleep what a reading has told already", async () => {
    const { follower, write, sent, readings, wake } = await followed()
    const first = write("state", null)
    // Read after the next two were written, which nobody has spoken of yet.
    const [second, third] = [write("patch"), write("patch")]
    readings.push({ json: "{}", revision: 3 })
    await follower.hear([first])
    await wake().hear([second, third, write("patch")])
    expect(sent).toEqual([
      ["state", 3],
      ["patch", 4],
    ])
  })

  it("reads on when a reading is ahead of it, and tells what was made anew meanwhile where it stands", async () => {
    const { follower, write, said, readings, topics, session } = await followed()
    topics.remove("/l/a", session)
    session.leave("/l/a")
    topics.add("/l/", session)
    session.follow("/l/", 0)
    readings.push(() => {
      write("delete", null)
      write("create", {}, "/l/b")
      write("create")
      return { json: "{}", revision: 4 }
    })
    await follower.hear([write("state", null)])
    await follower.drain(true)
    expect(said.map(({ event, uri, member }) => [event, member ?? uri])).toEqual([
      ["delete", "/l/a"],
      ["create", "/l/b"],
      ["create", "/l/a"],
    ])
  })

  it("looks into the journal when a change contradicts what it has seen", async () => {
    const { follower, write, sent, readings, renew, reads } = await followed()
    const old = write("create")
    await follower.hear([old, write("patch")])
    await follower.hear([old])
    expect(reads()).toBe(0)
    renew()
    readings.push({ json: "{}", revision: 1 })
    await follower.hear([{ ...old, at: 1_000 }])
    expect(reads()).toBeGreaterThan(0)
    expect(sent.at(-1)).toEqual(["state", 1])
    expect(follower.position.epoch).toBe("cd")
  })

  it("writes nothing and reads nothing while nobody follows, and begins at the newest then", async () => {
    const { wake, write, stored, reads } = world()
    const follower = wake()
    await follower.hear([write("create")])
    write("patch")
    await follower.hear([write("patch")])
    expect([stored.size, reads()]).toEqual([0, 0])
    await follower.ready()
    expect(follower.position).toEqual({ epoch: "ab", revision: 3 })
  })

  it("asks before it moves on whether the database was put back, by what it knew before it slept", async () => {
    const { wake, write, feed, renew } = world()
    const follower = wake()
    write("create")
    await follower.ready()
    follower.save()
    const asked: unknown[] = []
    feed().renewIfRestored = async (mark) => {
      asked.push(mark)
      return renew() === "cd"
    }
    const woken = wake()
    await woken.ready()
    expect(asked).toEqual([{ epoch: "ab", revision: 1, at: 1 }])
    expect(woken.position.epoch).toBe("cd")
  })

  it("does not move past who began to follow while it looked for the newest", async () => {
    const { wake, write, topics, session } = world()
    const follower = wake()
    write("create")
    await follower.ready()
    const again = follower.ready()
    topics.add("/l/a", session)
    write("patch")
    await again
    expect(follower.position.revision).toBe(1)
  })

  it("stays among the listeners when somebody follows before it comes to leave them", async () => {
    const { follower, topics, session, listeners } = await followed()
    topics.remove("/l/a", session)
    const [ready, rest] = [follower.ready(), follower.rest()]
    await ready
    expect(follower.isReady).toBe(true)
    topics.add("/l/a", session)
    await rest
    expect([follower.isReady, [...listeners]]).toEqual([true, ["hub-0"]])
  })

  it("is not ready any more when the last has left since", async () => {
    const { follower, topics, session, listeners } = await followed()
    const ready = follower.ready()
    topics.remove("/l/a", session)
    await Promise.all([ready, follower.rest()])
    expect([follower.isReady, listeners.size]).toEqual([false, 0])
    await follower.ready()
    expect([follower.isReady, listeners.size]).toEqual([true, 1])
  })

  it("tells nothing of what was before it went, where a reset finds nothing", async () => {
    const { follower, write, said, readings, renew } = await followed()
    const old = write("create")
    await follower.hear([old])
    renew()
    readings.push(() => {
      write("patch")
      write("delete", null)
      return null
    })
    await follower.hear([{ ...old, at: 1_000 }])
    await follower.hear([write("create")])
    expect(said.map(({ event, revision, reset }) => [event, revision, reset])).toEqual([
      ["state", 1, undefined],
      ["delete", 3, true],
      ["state", 4, undefined],
    ])
  })

  it("leaves the listeners when it is told of something although nobody follows", async () => {
    const { follower, topics, session, listeners, write } = await followed()
    topics.remove("/l/a", session)
    await follower.hear([write("patch")])
    expect([follower.isReady, listeners.size]).toEqual([false, 0])
  })
})
