/** The live client against the real hub: its copies are what GET answers, whatever happens. */
import { runInDurableObject } from "cloudflare:test"
import { env, exports } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { createServices } from "../src/app.ts"
import { LiveError } from "../src/client/live.ts"
import { hubOf } from "../src/live/hubs.ts"
import { send } from "./helpers.ts"
import { chance, evict, open, settled, sockets, until } from "./live.world.ts"

const hub = () => hubOf(env as never)

/** Documents whose writer's pokes are all lost. */
function unheard() {
  const around = { env, now: Date.now, newId: () => "x", poke: () => {} }
  return createServices(around as never, new Request("https://tidemark.test/")).apps
}

describe("the live client", () => {
  it("holds a copy, and tells its listeners of every change", async () => {
    await send("PUT /api/apps/copy", { data: { n: 1, gone: true } })
    const live = open()
    const heard: unknown[] = []
    const copy = live.subscribe("api/apps//copy", ({ value }) => heard.push(value))
    await copy.ready
    expect(copy.uri).toBe("/api/apps/copy")
    const { revision } = await send("PATCH /api/apps/copy", { data: { n: 2, gone: null } })
    await until(copy, (value) => value.data.n === 2)
    expect(copy).toMatchObject({ value: { name: "copy", data: { n: 2 } }, revision })
    await send("DELETE /api/apps/copy")
    await until(copy, (value) => value === undefined).catch(() => {})
    expect(heard).toEqual([
      { name: "copy", data: { n: 1, gone: true } },
      { name: "copy", data: { n: 2 } },
      undefined,
    ])
    live.close()
  })

  it("writes, and says why when it cannot", async () => {
    const live = open()
    const todos = live.subscribe("/todo/")
    const { member, resource } = await live.create("/todo/", { text: "swim" })
    await until(todos, (list) => list?.some((todo: any) => todo.text === "swim"))
    expect(resource).toMatchObject({ text: "swim", completed: false })
    await live.patch(member ?? "", { completed: true })
    await until(todos, (list) => list.some((todo: any) => todo.completed))
    await live.delete(member ?? "")
    await until(todos, (list) => list.every((todo: any) => todo.text !== "swim"))
    await expect(live.delete(member ?? "")).rejects.toThrow(LiveError)
    await expect(live.subscribe("/nowhere").ready).rejects.toMatchObject({
      problem: { code: "unknown_uri" },
    })
    live.close()
    await expect(live.delete("/todo/7")).rejects.toThrow(/ended/)
  })

  it("shares one copy among those who follow a URI, and lets go when the last one leaves", async () => {
    const live = open()
    const [one, two] = [live.subscribe("/api/apps/shared"), live.subscribe("/api/apps/shared")]
    await Promise.all([one.ready, two.ready])
    one.unsubscribe()
    await send("PUT /api/apps/shared", { data: {} })
    await until(two, (value) => value !== undefined)
    two.unsubscribe()
    await settled(live)
    const topics = await runInDurableObject(hub(), (_, state) =>
      state.getWebSockets().map((socket) => String(socket.deserializeAttachment())),
    )
    expect(topics.filter((text) => text.includes("shared"))).toEqual([])
    live.close()
  })

  it("comes back after a lost connection, and goes on from where it was", async () => {
    await send("PUT /api/apps/again", { data: { n: 0 } })
    const live = open()
    const frames: unknown[] = []
    const copy = live.subscribe("/api/apps/again", ({ frame }) => frames.push(frame?.event))
    const list = live.subscribe("/api/apps/")
    await Promise.all([copy.ready, list.ready])
    for (let n = 1; n <= 3; n++) {
      sockets.at(-1)?.close(4000)
      await send("PATCH /api/apps/again", { data: { n } })
      await until(copy, (value) => value.data.n === n)
    }
    expect(frames).toEqual(["state", "patch", "patch", "patch"])
    await settled(live)
    expect(list.value).toEqual((await send("GET /api/apps")).json)
    live.close()
  })

  it("gives up a connection that has gone silent", async () => {
    let opened = 0
    const deaf = (socket: WebSocket) => ({
      readyState: 1,
      send: () => {},
      close: () => socket.close(),
      addEventListener: () => {},
    })
    const live = open({
      pingMilliseconds: 10,
      open: async (url) => {
        const request = new Request(url.replace(/^ws/, "http"), {
          headers: { Upgrade: "websocket" },
        })
        const { webSocket } = await (exports as any).default.fetch(request)
        webSocket.accept()
        return ++opened < 3 ? (deaf(webSocket) as never) : webSocket
      },
    })
    await live.subscribe("/todo/").ready
    expect(opened).toBeGreaterThanOrEqual(3)
    live.close()
  })

  it("stays away when the service says so, and tells everybody", async () => {
    const live = open()
    const copy = live.subscribe("/api/apps/away")
    await copy.ready
    await runInDurableObject(hub(), (_, state) => {
      for (const socket of state.getWebSockets()) {
        if (String(socket.deserializeAttachment()).includes("away")) socket.close(4501, "no")
      }
    })
    expect(await live.ended).toEqual({ code: 4501, reason: "no" })
    await expect(until(copy, () => false)).rejects.toThrow(/ended/)
  })
})

describe("joining while others write", () => {
  it("loses nothing and hears nothing twice", async () => {
    const random = chance(7)
    for (let round = 0; round < 25; round++) {
      const uri = `/api/apps/join-${round}`
      const live = open()
      const writes: Promise<unknown>[] = []
      const write = (n: number) =>
        random(4) === 0
          ? send(`PUT ${uri}`, { data: { put: n } })
          : send(`PATCH ${uri}`, { data: { [`p${n}`]: n, n } }).catch(() => {})
      const before = random(4)
      for (let n = 0; n < before; n++) writes.push(write(n))
      const revisions: number[] = []
      const item = live.subscribe(uri, ({ revision }) => revisions.push(revision))
      const list = live.subscribe("/api/apps/")
      for (let n = before; n < 8; n++) writes.push(write(n))
      await Promise.all([...writes, item.ready, list.ready])
      await settled(live)
      const got = await send(`GET ${uri}`)
      expect(item.value).toEqual(got.status === 404 ? undefined : got.json)
      if (got.status === 200) expect(item.revision).toBe(got.revision)
      expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b))
      expect(list.value).toEqual((await send("GET /api/apps")).json)
      live.close()
    }
  })
})

describe("copies under random writes", () => {
  const names = ["a", "b", "ü", "x y", "__proto__"]
  const deep = [{ a: { b: 1 } }, { a: { b: null, c: [1, { d: null }] } }, { a: 5 }, { a: null }]

  for (const seed of [1, 2, 3, 4]) {
    it(`are what GET answers in the end (seed ${seed})`, async () => {
      const random = chance(seed)
      const pick = <Item>(items: readonly Item[]) => items[random(items.length)] as Item
      const folder = `r${seed}-`
      const app = () => `/api/apps/${encodeURIComponent(folder + pick(names))}`
      const key = () => encodeURIComponent(`r${seed}${pick(["a", "Z", "é", "𝒳", "~", "b"])}`)
      const [writer, reader, late] = [open(), open(), open()]
      const todos: string[] = []
      const series = () => `/api/store/${pick(["x", "y"])}${seed}/${pick(["s", "t"])}`
      const lists = ["/api/apps/", "/todo/", "/keys/", "/api/store/", `/api/store/x${seed}/`]
      const views = [
        `/api/apps/${folder}a?v=1`,
        "/keys/?filter=r",
        `/api/store/x${seed}/s?orient=split&end=2015-01-03`,
      ]
      const items = [
        ...names.map((name) => `/api/apps/${encodeURIComponent(folder + name)}`),
        `/api/store/x${seed}/s`,
        `/api/store/y${seed}/t`,
        `/keys/r${seed}a`,
      ]
      const day = () => `2015-01-0${1 + random(6)}`
      const rows = () => ({ columns: [pick(["v", "w"])], index: [day()], data: [[random(99)]] })
      const held = [...lists, ...views, ...items].map((uri) => reader.subscribe(uri))
      await Promise.all(held.map(({ ready }) => ready))

      const acts: (() => Promise<unknown>)[] = [
        () => send(`PUT ${app()}`, { data: pick(deep) }),
        () => send(`PATCH ${app()}`, { data: pick(deep) }),
        () => send(`DELETE ${app()}`),
        () => send(`PUT ${app()}`, { data: { text: "x".repeat(70_000) } }),
        () => writer.patch(app(), { data: pick(deep) }),
        () => writer.delete(app()),
        async () => void todos.push((await writer.create("/todo/", {})).member ?? ""),
        () => writer.patch(pick(todos) ?? "/todo/0", { completed: true }),
        () => writer.delete(todos.splice(random(todos.length + 1), 1)[0] ?? "/todo/0"),
        () => send(`PUT /keys?${key()}=${random(9)}`),
        () => send(`DELETE /keys/${key()}`),
        () => writer.create("/keys/", { name: decodeURIComponent(key()), value: "v" }),
        () => send(`PUT /keys/${key()}`, pick(deep)),
        () => send(`PUT /keys/${key()}`, "b".repeat(random(9)), { "Content-Type": "image/x" }),
        () => send(`PATCH /keys/${key()}`, { expire_in: 1_000 + random(9) }),
        () => send(`POST /keys/${key()}/inc?by=0.1`),
        () => send(`PUT ${series()}`, { v: { [day()]: random(9) / 4, [day()]: random(9) } }),
        () => send(`PUT ${series()}`, { w: { [day()]: random(9) + 0.5 } }),
        () => writer.patch(series(), { removed: [[day(), "2015-01-05"]], rows: rows() }),
        () => writer.patch(series(), { rows: rows() }),
        () => send(`DELETE ${series()}`),
        () => unheard().put(app(), JSON.stringify(pick(deep))),
        () => unheard().patch(app(), JSON.stringify(pick(deep))),
        evict,
        async () => sockets.filter(({ readyState }) => readyState === 1)[random(3)]?.close(4000),
      ]
      const running: Promise<unknown>[] = []
      for (let step = 0; step < 80; step++) {
        // What cannot be done (nothing there, name taken, connection lost) is refused, and that is all.
        running.push(pick(acts)().catch(() => {}))
        if (random(3) === 0) await Promise.all(running)
        if (step === 40) held.push(...lists.map((uri) => late.subscribe(uri)))
      }
      await Promise.all(running)
      await settled(reader, late)
      for (const { uri, value } of held) {
        const got = await send(`GET ${uri}`)
        expect([uri, value]).toEqual([uri, got.status === 404 ? undefined : got.json])
      }
      for (const live of [writer, reader, late]) live.close()
    })
  }
})
