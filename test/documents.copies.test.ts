/** Subscribers of documents and of their parts, under random writes of every kind. */
import { describe, expect, it } from "vitest"
import { send } from "./helpers.ts"
import { chance, open, settled, sockets } from "./live.world.ts"

const json = { "Content-Type": "application/json" }
const JSON_PATCH = { "Content-Type": "application/json-patch+json" }

describe("copies of documents", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    it(`are what GET answers after any writes (seed ${seed})`, async () => {
      const random = chance(seed)
      const pick = <Item>(items: readonly Item[]) => items[random(items.length)] as Item
      const [writer, reader, late] = [open(), open(), open()]
      const names = [`w${seed}`, `ü/${seed}`]
      const uri = () => `/api/apps/${encodeURIComponent(pick(names))}`
      const value = (depth = 0): unknown =>
        depth < 3 && random(2) === 0
          ? random(3) === 0
            ? Array.from({ length: random(3) }, () => value(depth + 1))
            : object(depth + 1)
          : pick([null, true, 0, 1, 2.5, -7, "", "é", "x".repeat(random(3))])
      const object = (depth = 0) =>
        Object.fromEntries(
          Array.from({ length: random(4) }, () => [
            pick(["a", "b", "0", "l", "n", "a/b"]),
            value(depth),
          ]),
        )
      const pointer = () =>
        Array.from({ length: 1 + random(3) }, () =>
          pick(["a", "b", "0", "1", "l", "n", "-", "a~1b"]),
        )
          .map((token) => `/${token}`)
          .join("")
      const operation = () => {
        const op = pick(["add", "add", "replace", "remove", "move", "copy", "test", "inc", "inc"])
        const path = `/data${pointer()}`
        if (op === "remove") return { op, path }
        if (op === "move" || op === "copy") return { op, path, from: `/data${pointer()}` }
        return { op, path, value: op === "inc" ? pick([1, -3, 0.5, 1e15]) : value() }
      }
      const operations = () => JSON.stringify(Array.from({ length: 1 + random(2) }, operation))
      const text = (content: unknown) => JSON.stringify(content)

      const topics = names.flatMap((name) => {
        const document = `/api/apps/${encodeURIComponent(name)}`
        return ["", "/data", "/data/a", "/data/a/b", "/data/l/0", "/data/a~1b"].map(
          (part) => document + part,
        )
      })
      const held = ["/api/apps/", ...topics].map((topic) => reader.subscribe(topic))
      await Promise.all(held.map(({ ready }) => ready))

      let done = 0
      const acts: (() => Promise<unknown>)[] = [
        () => send(`PUT ${uri()}`, { data: object() }),
        () => send(`PUT ${uri()}`, { data: { a: { b: 1, l: [] }, l: [{ n: 1 }], n: 1 } }),
        () => send(`PATCH ${uri()}`, { data: object() }),
        () => send(`PATCH ${uri()}`, operations(), JSON_PATCH),
        () => send(`PATCH ${uri()}`, operations(), JSON_PATCH),
        () => send(`PATCH ${uri()}`, operations(), JSON_PATCH),
        () => send(`PATCH ${uri()}`, '[{"op":"inc","path":"/data/n","value":1}]', JSON_PATCH),
        () => send(`PUT ${uri()}/data${pointer()}`, text(value()), json),
        () => send(`PUT ${uri()}/data${pointer()}`, text(value()), json),
        () => send(`PATCH ${uri()}/data${pointer()}`, text(value()), json),
        () => send(`DELETE ${uri()}/data${pointer()}`),
        () => send(`DELETE ${uri()}`),
        () => send("POST /api/apps/", { name: pick(names), data: object() }),
        () => send(`PUT ${uri()}/data/a`, text("x".repeat(70_000)), json),
        () => writer.patch(uri(), { data: object() }),
        () => writer.patch(uri(), JSON.parse(operations())),
        async () => sockets.filter(({ readyState }) => readyState === 1)[random(3)]?.close(4000),
      ]
      const running: Promise<unknown>[] = []
      for (let step = 0; step < 150; step++) {
        const act = pick(acts)()
        // What cannot be done is refused, and that is all.
        running.push(
          act.then((answer) => void ((answer as any)?.status === 204 && done++)).catch(() => {}),
        )
        if (random(3) === 0) await Promise.all(running)
        if (step === 75) held.push(...topics.map((topic) => late.subscribe(topic)))
      }
      await Promise.all(running)
      await settled(reader, late)
      for (const { uri: topic, value: copy } of held) {
        const got = await send(`GET ${topic}`)
        expect([topic, copy]).toEqual([topic, got.status === 404 ? undefined : got.json])
      }
      expect(done).toBeGreaterThan(40)
      for (const live of [writer, reader, late]) live.close()
    })
  }

  it("are told what a patch did, where a merge patch says it, and else the new state", async () => {
    const uri = "/api/apps/told"
    await send(`PUT ${uri}`, { data: { n: 1, o: { x: 1 }, list: [1] } })
    const live = open()
    const frames: any[] = []
    const copy = live.subscribe(uri, ({ frame }) => frames.push(frame))
    await copy.ready
    for (const [operations, patch] of [
      [[{ op: "inc", path: "/data/n", value: 2 }], { data: { n: 3 } }],
      [
        [
          { op: "remove", path: "/data/n" },
          { op: "add", path: "/data/o/y", value: [null] },
        ],
        { data: { n: null, o: { y: [null] } } },
      ],
      [[{ op: "add", path: "/data/list/0", value: {} }], { data: { list: [{}, 1] } }],
      [[{ op: "test", path: "/data/o/x", value: 1 }], {}],
      [[{ op: "add", path: "/data/o", value: { z: 1 } }], undefined],
      [[{ op: "add", path: "/data/nothing", value: null }], undefined],
      [[{ op: "move", from: "/data/nothing", path: "/data/null" }], undefined],
    ]) {
      frames.length = 0
      const { revision } = await send(`PATCH ${uri}`, JSON.stringify(operations), JSON_PATCH)
      await settled(live)
      const { json: resource } = await send(`GET ${uri}`)
      expect(frames).toEqual([
        { uri, revision, event: patch ? "patch" : "state", ...(patch ? { patch } : { resource }) },
      ])
      expect(copy.value).toEqual(resource)
    }
    live.close()
  })
})
