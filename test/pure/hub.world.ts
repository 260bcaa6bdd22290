/** A hub without its object: a journal, one socket that follows /l/a, and a place to keep the cursor. */
import type { Mark, Since } from "../../src/feed/feed.ts"
import type { Reading } from "../../src/live/delivery/fanout.ts"
import { Follower } from "../../src/live/delivery/follower.ts"
import { Attendance } from "../../src/live/hooks.ts"
import { Memories } from "../../src/live/delivery/memories.ts"
import { Session } from "../../src/live/session.ts"
import { Topics } from "../../src/live/topics.ts"
import { resolver, sourceOf } from "../../src/live/uris.ts"
import type { Change, Position } from "../../src/protocol/change.ts"
import type { Endpoint } from "../../src/protocol/endpoint.ts"
import { pathOf } from "../../src/protocol/uri.ts"

const resolve = resolver([
  { method: "GET", path: "/l/:id", verb: "get" } as Endpoint,
  { method: "GET", path: "/l/", verb: "list", memberOf: () => "" } as never,
  {
    method: "GET",
    path: "/p/",
    verb: "list",
    view: {
      list: () => ({ memberOf: (name: string) => `/p/${name}`, isPage: true }),
      tell: () => "state",
    },
  } as never,
])

/** Nobody follows anything yet. */
export function world() {
  const journal: Change[] = []
  const stored = new Map<string, unknown>()
  const sent: [event: string, revision: number][] = []
  const failures: unknown[] = []
  /** What is read next; a function does something meanwhile. */
  const readings: (Reading | Error | (() => Reading))[] = []
  const said: any[] = []
  const listeners = new Set<string>()
  let epoch = "ab"
  let reads = 0
  const newest = () => ({
    epoch,
    revision: journal.at(-1)?.revision ?? 0,
    at: journal.at(-1)?.at ?? null,
  })
  const feed = {
    position: async () => newest(),
    renewIfRestored: async (_mark: Mark) => false,
    listen: async (name: string) => {
      listeners.add(name)
      return newest()
    },
    unlisten: async (name: string) => void listeners.delete(name),
    since: async (position: Position): Promise<Since> => {
      reads++
      await Promise.resolve()
      if (position.epoch !== epoch) return { reset: true }
      const after = journal.filter(({ revision }) => revision > position.revision)
      return { reset: false, changes: after.slice(0, 3), more: after.length > 3 }
    },
  }
  const line = {
    send: (text: string) => {
      const frame = JSON.parse(text)
      said.push(frame)
      sent.push([frame.event ?? "reply", frame.revision])
    },
    close: () => {},
    serializeAttachment: () => {},
  }
  const topics = new Topics((topic) => {
    const target = resolve(topic)
    return target ? sourceOf(target) : pathOf(topic)
  })
  const storage = {
    get: (key: string) => structuredClone(stored.get(key)),
    put: (key: string, value: unknown) => void stored.set(key, structuredClone(value)),
    delete: (key: string) => stored.delete(key),
    list: () => [],
  }
  const memories = new Memories(storage)
  const parts = {
    storage,
    topics,
    memories,
    resolve,
    feed: () => feed,
    name: "hub-0",
    now: () => 1_000,
    lookBy: async () => {},
    read: async () => {
      await Promise.resolve()
      const reading = readings.shift()
      if (reading instanceof Error) throw reading
      return typeof reading === "function" ? reading() : (reading ?? null)
    },
    failed: async (error: unknown) => void failures.push(error),
  }
  return {
    sent,
    listeners,
    said,
    failures,
    readings,
    topics,
    memories,
    attendance: new Attendance(storage, async () => {}, resolve),
    stored,
    resolve,
    feed: () => feed,
    session: new Session(line, "write"),
    reads: () => reads,
    renew: () => (epoch = "cd"),
    /** As after hibernation. */
    wake: () => new Follower(parts),
    write(event: Change["event"], body: object | null = { n: 1 }, uri = "/l/a"): Change {
      const revision = (journal.at(-1)?.revision ?? 0) + 1
      const json = body && JSON.stringify(body)
      const change = { revision, at: revision, uri, event, body: json, extra: null }
      journal.push(change)
      return change
    },
  }
}

/** The same, with the socket subscribed from the newest position. */
export async function followed() {
  const made = world()
  const follower = made.wake()
  await follower.ready()
  made.topics.add("/l/a", made.session)
  made.session.follow("/l/a", follower.position.revision)
  follower.save()
  return { ...made, follower }
}
