import { describe, expect, it } from "vitest"
import type { Delivery } from "../../src/live/delivery/delivery.ts"
import { Session, type Line } from "../../src/live/session.ts"
import { ATTACHMENT_MAX_BYTES } from "../../src/protocol/live-limits.ts"

/** A socket that remembers. */
function line(send?: () => void) {
  const sent: string[] = []
  const closed: [number, string][] = []
  const attachments: unknown[] = []
  const socket: Line = {
    send: send ?? ((text) => void sent.push(text)),
    close: (code, reason) => void closed.push([code, reason]),
    serializeAttachment: (attachment) => void attachments.push(attachment),
  }
  return { socket, sent, closed, attachments }
}

function delivery(revision: number, ...topics: string[]): Delivery {
  return { revision, frames: topics.map((topic) => [topic, `${topic} ${revision}`]) }
}

describe("a session", () => {
  it("gets at most one frame of a delivery: the first whose topic it follows and does not know", () => {
    const { socket, sent } = line()
    const session = new Session(socket, "write")
    session.follow("/list/", 10)
    session.follow("/list/a", 20)
    session.push(delivery(10, "/list/", "/list/a"))
    session.push(delivery(11, "/list/", "/list/a"))
    session.push(delivery(21, "/list/", "/list/a"))
    session.push(delivery(30, "/other"))
    session.leave("/list/")
    session.push(delivery(15, "/list/", "/list/a"))
    session.push(delivery(31, "/list/", "/list/a"))
    expect(sent).toEqual(["/list/ 11", "/list/ 21", "/list/a 31"])
  })

  it("gets a reset whatever it knows", () => {
    const { socket, sent } = line()
    const session = new Session(socket, "write", [["/a", 100]])
    session.push({ ...delivery(5, "/a"), floor: 5 })
    session.push({ ...delivery(5, "/b"), floor: 5 })
    expect(sent).toEqual(["/a 5"])
  })

  it("knows what a reset told once it has been sent it, and not while it is held back", () => {
    const { socket, sent } = line()
    const session = new Session(socket, "write", [["/a", 100]])
    session.hold()
    session.push({ ...delivery(5, "/a"), floor: 7 })
    // The reply to a subscribe that was made before the database was put back.
    session.follow("/a", 120)
    session.release()
    expect(session.floor("/a")).toBe(7)
    session.push(delivery(7, "/a"))
    session.push(delivery(8, "/a"))
    expect(sent).toEqual(["/a 5", "/a 8"])
  })

  it("that is held gets everything afterwards, in order, by what it knows then", () => {
    const { socket, sent } = line()
    const session = new Session(socket, "write", [["/old", 0]])
    session.hold()
    session.push(delivery(5, "/new"))
    session.push(delivery(6, "/old"))
    session.push(delivery(7, "/new"))
    expect(sent).toEqual([])
    session.follow("/new", 6)
    session.send("state")
    session.release()
    session.push(delivery(8, "/new"))
    expect(sent).toEqual(["state", "/old 6", "/new 7", "/new 8"])
  })

  it("outlives sleep by its attachment", () => {
    const { socket, attachments } = line()
    const session = new Session(socket, "read")
    session.follow("/a", 5)
    session.follow("/b", 6)
    session.follow("/a", 7)
    session.leave("/b")
    const woken = Session.wake(socket, attachments.at(-1))
    expect([woken?.who, woken?.topics, woken?.floor("/a")]).toEqual(["read", ["/a"], 7])
  })

  it("does not wake from what it did not write", () => {
    const foreign = [null, undefined, 7, "", "x", "{}", "[]", { who: "write", topics: [] }]
    const wrong = ['{"who":1,"topics":[]}', '{"who":"w","topics":[["/a"]]}', '{"who":"w"}']
    for (const attachment of [...foreign, ...wrong, '{"who":"w","topics":[["/a",1.5]]}']) {
      expect(Session.wake(line().socket, attachment)).toBeNull()
    }
  })

  it("takes as many topics as its attachment holds, also when their floors grow", () => {
    const { socket, attachments } = line()
    const session = new Session(socket, "write")
    let count = 0
    while (session.hasRoomFor([`/apps/${count}`])) session.follow(`/apps/${count++}`, 1)
    expect(count).toBeGreaterThan(300)
    expect(session.hasRoomFor(["/apps/0"])).toBe(true)
    for (const topic of session.topics) session.follow(topic, Number.MAX_SAFE_INTEGER)
    const size = new TextEncoder().encode(String(attachments.at(-1))).byteLength
    expect(size).toBeLessThanOrEqual(ATTACHMENT_MAX_BYTES - 16)
    expect(size).toBeGreaterThan(ATTACHMENT_MAX_BYTES - 100)
  })

  it("counts how often it is told of them, and how far its reader is, to what the attachment holds", () => {
    const { socket, attachments } = line()
    const clock = { now: () => Number.MAX_SAFE_INTEGER, after: () => {} }
    const session = new Session(socket, "write", [], clock, { pace: null })
    let topics: [string, number][] = []
    for (const at of Array(1_000).keys()) {
      const more: [string, number][] = [...topics, [`/apps/${at}`, 5_000]]
      if (!session.hasRoomFor(...more)) break
      topics = more
    }
    session.followAll(topics.map(([topic, interval]) => [topic, Number.MAX_SAFE_INTEGER, interval]))
    session.send("x".repeat(100_000))
    const text = String(attachments.at(-1))
    expect(text).toContain('"pace":[9007199254740991,')
    expect(new TextEncoder().encode(text).byteLength).toBeLessThanOrEqual(ATTACHMENT_MAX_BYTES - 16)
    expect(session.hasRoomFor(["/apps/new", 5_000])).toBe(false)
  })

  it("closes its socket when that does not take a text, and throws nothing", () => {
    const { socket, closed } = line(() => {
      throw new TypeError("gone")
    })
    const session = new Session(socket, "write")
    session.send("text")
    expect(closed).toEqual([[4000, expect.any(String)]])
    expect(session.closed).toBe(true)
  })

  it("does one command after the other, and refuses when too much waits", async () => {
    const session = new Session(line().socket, "write")
    const done: string[] = []
    let finish = () => {}
    const slow = new Promise<void>((resolve) => (finish = resolve))
    const first = session.enqueue(6, 10, async () => {
      await slow
      done.push("first")
    })
    const second = session.enqueue(4, 10, async () => void done.push("second"))
    expect(session.enqueue(1, 10, async () => void done.push("third"))).toBe(false)
    finish()
    await Promise.all([first, second])
    expect(done).toEqual(["first", "second"])
    expect(session.enqueue(10, 10, async () => {})).not.toBe(false)
  })
})
