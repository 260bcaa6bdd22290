/** What tests of user-defined resources share: services that serve nothing else. */
import { env } from "cloudflare:workers"
import { createServices, type Services, type Surroundings } from "../src/app.ts"
import { mount } from "../src/http/mount.ts"
import { linesOf } from "../src/resources/mounted.ts"
import { Backlog } from "../src/live/commands/backlog.ts"
import { Memories } from "../src/live/delivery/memories.ts"
import { Follower } from "../src/live/delivery/follower.ts"
import { obey } from "../src/live/commands/command.ts"
import { Attendance, type Hook } from "../src/live/hooks.ts"
import { hookOf } from "../src/resources/hooks.ts"
import { Readings } from "../src/live/readings.ts"
import { Session } from "../src/live/session.ts"
import { Topics } from "../src/live/topics.ts"
import { resolver, sourceOf } from "../src/live/uris.ts"
import type { Resources } from "../src/resources/resources.ts"
import { Replica } from "../src/client/replica.ts"

/** A service with these resources alone. */
export function serve(defined: Resources) {
  const dispatch = mount<Services>(linesOf(defined))
  let ids = 0
  const surroundings = {
    env,
    now: () => 0,
    newId: () => `id${ids++}`,
    poke: () => {},
  }
  return async (request: string, body?: unknown, headers = {}) => {
    const [method = "", uri = ""] = request.split(" ")
    const sent = new Request(`https://tidemark.test${uri}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { "Content-Type": "application/json", ...headers },
    })
    const response = await dispatch(sent, createServices(surroundings as never, sent))
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      json: text ? JSON.parse(text) : null,
    }
  }
}

/** A hub that serves these resources alone, with one socket; `follow` keeps copies as clients do. */
export function hubFor(defined: Resources) {
  const lines = linesOf(defined)
  const dispatchTo = mount<Services>(lines)
  const services = (request: Request) => createServices({ ...around, scope: "write" }, request)
  const around = {
    env,
    now: () => 0,
    newId: () => crypto.randomUUID(),
    poke: () => {},
  } as never as Surroundings
  const dispatch = (request: Request) => dispatchTo(request, services(request))
  const feed = () => services(new Request("https://tidemark.test/")).feed
  const resolve = resolver(lines.map(({ endpoint }) => endpoint))
  const kept = new Map<string, unknown>()
  const topics = new Topics((topic) => {
    const target = resolve(topic)
    return target && sourceOf(target)
  })
  const failures: unknown[] = []
  const storage = {
    get: (key: string) => structuredClone(kept.get(key)),
    put: (key: string, value: unknown) => void kept.set(key, structuredClone(value)),
    delete: (key: string) => kept.delete(key),
    list: () => [],
  } as never
  const memories = new Memories(storage)
  const readings = new Readings({ dispatch, again: (...some) => readings.readSome(...some) })
  const follower = new Follower({
    storage,
    memories,
    topics,
    resolve,
    feed,
    name: "hub-of-resources",
    now: () => Date.now(),
    lookBy: async () => {},
    read: (uri) => readings.read(null, uri),
    failed: async (error) => void failures.push(error),
  })
  const hook: Hook = (event, target) =>
    hookOf(defined)(event, target, services(new Request("https://tidemark.test/")))
  const attendance = new Attendance(storage, hook, resolve)
  const frames: any[] = []
  const replies: any[] = []
  const copies = new Map<string, Replica>()
  const line = {
    send: (text: string) => {
      const frame = JSON.parse(text)
      if (!("ok" in frame)) frames.push(frame)
      else replies.push(frame)
      for (const copy of copies.values()) {
        if (!("ok" in frame)) copy.take(frame)
        else if (frame.uri === copy.uri) copy.begin(frame)
      }
    },
    close: () => {},
    serializeAttachment: () => {},
  }
  const session = new Session(line as never, "write")
  const bench = {
    topics,
    memories,
    follower,
    resolve,
    dispatch,
    readings,
    backlog: new Backlog(feed),
    attendance,
  }
  const command = async (frame: object) => {
    await obey(JSON.stringify({ id: 1, ...frame }), session, bench)
    return replies.at(-1)
  }
  return {
    frames,
    failures,
    command,
    follow: async (uri: string) => {
      const copy = new Replica(uri)
      copies.set(uri, copy)
      await command({ event: "subscribe", uri })
      return copy
    },
    /** As when the socket closes. */
    leave: () => attendance.gone(session.topics.map(resolve), "write"),
    /** Delivers all that was committed; every copy must then be what GET answers. */
    deliver: () => follower.drain(true),
  }
}
