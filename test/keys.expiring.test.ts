/** Warnings before keys expire: when they are told, once, and when not any more. */
import { describe, expect, it } from "vitest"
import { expiryOf } from "../src/live/expiry.ts"
import { journalOf, world } from "./keys.world.ts"

/** The warnings there were of a key, each with the expiry that it told. */
async function warningsOf(name: string) {
  const changes = await journalOf(`/keys/${name}`)
  return changes
    .filter(({ event }) => event === "expiring")
    .map(({ body, extra }) => {
      expect(body).toBeNull()
      return (JSON.parse(extra!) as { expires_at: number }).expires_at
    })
}

const patch = { uri: "/api/apps/e-pump", patch: { data: { online: false } } }

describe("a key that warns before it expires", () => {
  it("does so at that moment, once, and stays as it was until it goes", async () => {
    const { ask, clock, sweep } = world()
    const set = await ask("PUT /keys?e-1=1&expire_in=60&warn=10")
    const [start, before] = [clock.now, await ask("GET /keys/e-1")]
    clock.now += 49_999
    expect(await sweep()).toBe(start + 50_000)
    expect(await warningsOf("e-1")).toEqual([])
    clock.now += 1
    expect(await sweep()).toBe(start + 60_000)
    expect(await warningsOf("e-1")).toEqual([start + 60_000])
    const after = await ask("GET /keys/e-1?consistency=strong")
    expect([after.text, after.revision]).toEqual([before.text, set.revision])
    const [, warning] = await journalOf("/keys/e-1")
    expect(warning!.revision).toBeGreaterThan(set.revision)
    clock.now += 5_000
    expect(await sweep()).toBe(start + 60_000)
    clock.now += 5_000
    await sweep()
    const events = (await journalOf("/keys/e-1")).map(({ event }) => event)
    expect(events).toEqual(["create", "expiring", "delete"])
  })

  it("does so however it was asked for", async () => {
    const { ask, give, clock, sweep } = world()
    const end = Math.floor(clock.now / 1_000) + 60
    clock.now = end * 1_000 - 60_000
    await ask("PUT /keys?w-plain=1&expire_in=60")
    await ask("PUT /keys?w-patched=1&expire_in=90")
    await ask("PUT /keys?w-later=1")
    await ask("PUT /keys?w-kept=1&expire_in=60")
    const answers = [
      await ask("PUT /keys?w-1=1&expire_in=60&warn=10"),
      await ask(`PUT /keys?w-2=1&expire_at=${end}&warn=10s`),
      await give("PUT /keys/w-3?expire_in=1m&warn=10", "x", { "Content-Type": "text/plain" }),
      await ask("POST /keys/", { name: "w-4", value: "1", expire_in: 60, warn: 10 }),
      await ask("POST /keys/w-5/inc?expire_in=60&warn=10"),
      await ask("PATCH /keys/w-plain", { warn: "10s" }),
      await ask("PATCH /keys/w-patched", { expire_in: 60, warn: 10 }),
      await ask("PATCH /keys/w-later", { expire_at: end, warn: 10, value: "2" }),
      await ask("PUT /keys?w-kept=2&keep_ttl=1&warn=10"),
      await ask("POST /keys/batch", {
        operations: [
          { op: "set", name: "w-6", value: "1", expire_in: 60, warn: 10 },
          { op: "set", name: "w-7", value: "1" },
          { op: "expire", name: "w-7", expire_at: end, warn: "10s" },
        ],
      }),
    ]
    for (const { status } of answers) expect(status).toBeLessThan(300)
    const names = ["plain", "patched", "later", "kept", 1, 2, 3, 4, 5, 6, 7].map((n) => `w-${n}`)
    for (const name of names) {
      const meta = JSON.parse((await ask(`GET /keys/${name}?meta=1`)).text)
      expect(meta, name).toMatchObject({ warn: 10, expires_at: end * 1_000, on_expire: null })
      // The clock of the hubs knows it from the change alone.
      expect(expiryOf((await journalOf(`/keys/${name}`)).slice(-1)), name).toBe(
        end * 1_000 - 10_000,
      )
    }
    clock.now += 49_999
    await sweep()
    for (const name of names) expect(await warningsOf(name), name).toEqual([])
    clock.now += 1
    await sweep()
    for (const name of names) expect(await warningsOf(name), name).toEqual([end * 1_000])
  })

  it("does so anew when the expiry is put off, and not for the one it had", async () => {
    const { ask, clock, sweep } = world()
    const start = clock.now
    for (const n of [1, 2]) await ask(`PUT /keys?x-${n}=1&expire_in=60&warn=10`)
    clock.now = start + 30_000
    await ask("PATCH /keys/x-1", { expire_in: 60 })
    await ask("POST /keys/batch", { operations: [{ op: "expire", name: "x-2", expire_in: 60 }] })
    clock.now = start + 70_000
    await sweep()
    for (const n of [1, 2]) expect(await warningsOf(`x-${n}`)).toEqual([])
    clock.now = start + 80_000
    await sweep()
    for (const n of [1, 2]) expect(await warningsOf(`x-${n}`)).toEqual([start + 90_000])
    await ask("PATCH /keys/x-1", { expire_in: 60 })
    clock.now = start + 130_000
    await sweep()
    expect(await warningsOf("x-1")).toEqual([start + 90_000, start + 140_000])
  })

  it("does so once whoever looks, and whatever else is written", async () => {
    const { ask, clock, sweep } = world()
    await ask("PUT /keys?o-1=1&expire_in=60&warn=10")
    const end = clock.now + 60_000
    clock.now += 50_000
    await Promise.all([sweep(), sweep(), sweep(), ask("GET /keys"), sweep()])
    await ask("PATCH /keys/o-1", { value: "2" })
    await ask("PUT /keys?o-1=3&keep_ttl=1")
    await ask("POST /keys/o-1/inc")
    await sweep()
    expect(await warningsOf("o-1")).toEqual([end])
    // Asked for once more: less time before the end than is left.
    await ask("PATCH /keys/o-1", { warn: 5 })
    clock.now += 5_000
    await sweep()
    await sweep()
    expect(await warningsOf("o-1")).toEqual([end, end])
  })

  it.each<[string, object?]>([
    ["DELETE /keys/NAME"],
    ["PUT /keys?NAME=2"],
    ["PUT /keys?NAME=2&expire_in=60"],
    ["PATCH /keys/NAME", { warn: null }],
    ["PATCH /keys/NAME", { expire_in: null }],
    ["PATCH /keys/NAME", { expire_in: 300 }],
    ["POST /keys/batch", { operations: [{ op: "set", name: "NAME", value: "2", expire_in: 60 }] }],
    ["POST /keys/batch", { operations: [{ op: "expire", name: "NAME", expire_in: null }] }],
    [
      "POST /keys/batch",
      { operations: [{ op: "expire", name: "NAME", expire_in: 60, warn: null }] },
    ],
    ["POST /keys/batch", { operations: [{ op: "delete", name: "NAME" }] }],
    ["DELETE /keys?match=NAME"],
  ])("does not after %s %j", async (request, body) => {
    const { ask, clock, sweep } = world()
    const name = `n-${crypto.randomUUID()}`
    const named = (text: string) => text.replace("NAME", name)
    await ask(`PUT /keys?${name}=1&expire_in=60&warn=10`)
    clock.now += 49_000
    const done = await ask(named(request), body && JSON.parse(named(JSON.stringify(body))))
    expect(done.status).toBeLessThan(300)
    clock.now += 5_000
    await sweep()
    expect(await warningsOf(name)).toEqual([])
    await ask(`DELETE /keys/${name}`)
  })

  it("does not when it is over already, and nobody looked before", async () => {
    const { ask, clock, sweep } = world()
    await ask("PUT /keys?l-1=1&expire_in=60&warn=10")
    clock.now += 60_000
    await sweep()
    const events = (await journalOf("/keys/l-1")).map(({ event }) => event)
    expect(events).toEqual(["create", "delete"])
  })

  it("does so at once when less is left of the expiry that it keeps", async () => {
    const { ask, clock, sweep } = world()
    const end = clock.now + 60_000
    const names = ["n-patched", "n-kept", "n-nearer"]
    for (const name of names) await ask(`PUT /keys?${name}=1&expire_in=60&warn=1`)
    await ask("PATCH /keys/n-patched", { warn: 90 })
    await ask("PUT /keys?n-kept=2&keep_ttl=1&warn=2m")
    await ask("PATCH /keys/n-nearer", { warn: 30 })
    await ask("PATCH /keys/n-nearer", { expire_in: 20 })
    await sweep()
    await sweep()
    expect(await Promise.all(names.map(warningsOf))).toEqual([[end], [end], [end - 40_000]])
  })

  it("does so beside what it does when it expires", async () => {
    const { ask, clock, sweep } = world()
    const value = { op: "set", name: "b-1", value: "1", expire_in: 60, warn: 10, on_expire: patch }
    expect((await ask("POST /keys/batch", { operations: [value] })).status).toBe(200)
    clock.now += 50_000
    await sweep()
    clock.now += 10_000
    await sweep()
    const events = (await journalOf("/keys/b-1")).map(({ event }) => event)
    expect(events).toEqual(["create", "expiring", "delete"])
    expect((await ask("GET /api/apps/e-pump")).text).toContain('{"online":false}')
  })

  it("is found by its index: a sweep with nothing to do reads as much whatever there is", async () => {
    const { ask, services } = world()
    const costOfSweep = async () => {
      const { sweep, db } = services()
      await sweep()
      return db.cost
    }
    await costOfSweep()
    const few = await costOfSweep()
    const operations = Array.from({ length: 100 }, (_, at) => {
      return { op: "set", name: `i-${at}`, value: "1", expire_in: 6_000 + at, warn: 5 }
    })
    expect((await ask("POST /keys/batch", { operations })).status).toBe(200)
    expect(await costOfSweep()).toEqual(few)
    await ask("DELETE /keys?match=i-*")
  })

  it("costs a row more to set, and nothing where it is not asked for", async () => {
    const { ask } = world()
    const rows = async (request: string) => (await ask(request)).headers.get("X-Rows-Written")
    expect(await rows("PUT /keys?c-1=1&expire_in=60")).toBe("3")
    expect(await rows("PUT /keys?c-2=1&expire_in=60&warn=10")).toBe("4")
  })

  it.each([
    ["0", "must be"],
    ["-5", "must be"],
    ["soon", "must be"],
    ["60", "less than the time that is left"],
    ["2h", "less than the time that is left"],
  ])("refuses warn=%s for an expiry in a minute", async (warn, wish) => {
    const { ask } = world()
    await ask("PUT /keys?bad-there=1&expire_in=60")
    const written = (await journalOf()).length
    const answers = [
      await ask(`PUT /keys?bad=1&expire_in=60&warn=${warn}`),
      await ask(`PUT /keys/bad?expire_in=60&warn=${warn}`, {}),
      await ask(`POST /keys/bad/inc?expire_in=60&warn=${warn}`),
      await ask("PATCH /keys/bad-there", { expire_in: 60, warn: Number(warn) || warn }),
      await ask("POST /keys/batch", {
        operations: [
          { op: "set", name: "bad", value: "1", expire_in: 60, warn: Number(warn) || warn },
        ],
      }),
    ]
    for (const { status, text } of answers) {
      expect(status, text).toBe(400)
      const errors = JSON.stringify(JSON.parse(text).errors)
      expect(errors).toContain("warn")
      if (wish.startsWith("less")) expect(errors).toContain(wish)
    }
    expect(await journalOf()).toHaveLength(written)
  })

  it("is refused where nothing expires", async () => {
    const { ask } = world()
    await ask("PUT /keys?ever=1")
    const answers = [
      [await ask("PUT /keys?ever=2&warn=10"), 400],
      [await ask("POST /keys/", { name: "ever-2", value: "1", warn: 10 }), 400],
      [await ask("PATCH /keys/ever", { expire_in: null, warn: 10 }), 400],
      [await ask("PATCH /keys/ever", { warn: 10 }), 422],
      [await ask("PATCH /keys/ever-none", { warn: 10 }), 404],
      [await ask("POST /keys/ever/inc?warn=10"), 400],
    ] as const
    for (const [{ status, text }, wanted] of answers) expect(status, text).toBe(wanted)
    expect((await ask("GET /keys/ever")).text).toBe('{"ever":"1"}')
  })

  it("and what is to be done then are refused where the expiry that is kept is none", async () => {
    const { ask, clock } = world()
    const onExpire = { uri: "/api/apps/never", patch: { data: { n: 1 } } }
    const query = `on_expire=${encodeURIComponent(JSON.stringify(onExpire))}`
    await ask("PUT /keys?stays=1")
    await ask("PUT /keys?lapsed=1&expire_in=1")
    clock.now += 1_000
    const written = (await journalOf()).length
    for (const name of ["stays", "lapsed", "unknown"]) {
      for (const [member, option] of [
        ["warn", "warn=10"],
        ["on_expire", query],
      ] as const) {
        for (const request of [
          `PUT /keys/${name}?keep_ttl=1&${option}`,
          `PUT /keys?${name}=2&keep_ttl=1&${option}`,
        ]) {
          const { status, text } = await ask(request, request.includes("?keep") ? {} : undefined)
          expect([request, status, JSON.parse(text).errors]).toEqual([
            request,
            422,
            { [member]: "goes with an expiry" },
          ])
        }
      }
    }
    const patched = await ask("PATCH /keys/stays", { value: "2", on_expire: onExpire })
    expect([patched.status, JSON.parse(patched.text).errors]).toEqual([
      422,
      { on_expire: "goes with an expiry" },
    ])
    expect(await journalOf()).toHaveLength(written)
    // With one, each of them does.
    await ask("PUT /keys?ends=1&expire_in=60")
    expect((await ask(`PUT /keys?ends=2&keep_ttl=1&warn=10&${query}`)).text).toBe("success")
    expect((await ask("PATCH /keys/ends", { on_expire: onExpire })).status).toBe(204)
    expect((await ask("PATCH /keys/stays", { expire_in: 9, on_expire: onExpire })).status).toBe(204)
  })
})

describe("what a key is to do when it expires", () => {
  const far =
    '{"uri":"/api/apps/far","patch":{"data":{"id":9007199254740993123,"1":1.0,"0":1e400}}}'

  it.each(["POST", "PATCH", "batch", "batch expire"])(
    "is told by meta=1 as it was written, of %s",
    async (door) => {
      const { give, ask, clock, sweep } = world()
      const json = { "Content-Type": "application/json" }
      const name = `far-${door.replace(" ", "-")}`
      if (door !== "POST") await ask(`PUT /keys?${name}=1`)
      const members = `"expire_in":5,"on_expire":${far}`
      const done =
        door === "POST"
          ? await give("POST /keys/", `{"name":"${name}","value":"1",${members}}`, json)
          : door === "PATCH"
            ? await give(`PATCH /keys/${name}`, `{${members}}`, json)
            : await give(
                "POST /keys/batch",
                `{"operations":[{"op":"${door === "batch" ? 'set","value":"1' : "expire"}","name":"${name}",${members}}]}`,
                json,
              )
      expect(done.status).toBeLessThan(300)
      const meta = await ask(`GET /keys/${name}?meta=1`)
      expect(meta.text).toContain(`"on_expire":${far}`)
      expect(meta.headers.get("X-Consistency")).toBe("strong")
      clock.now += 5_000
      await sweep()
      expect((await ask("GET /api/apps/far")).text).toContain(
        '{"id":9007199254740993123,"1":1.0,"0":1e400}',
      )
      await ask("DELETE /api/apps/far")
    },
  )

  it("stays when a batch gives another expiry, and goes when it says null, or sets", async () => {
    const { ask } = world()
    const of = async (...operations: object[]) => {
      expect((await ask("POST /keys/batch", { operations })).status).toBe(200)
      return JSON.parse((await ask("GET /keys/keeps?meta=1")).text).on_expire
    }
    const set = { op: "set", name: "keeps", value: "1", expire_in: 60 }
    const expire = { op: "expire", name: "keeps", expire_in: 90 }
    expect(await of({ ...set, on_expire: patch })).toEqual(patch)
    expect(await of(expire)).toEqual(patch)
    expect(await of({ ...expire, on_expire: null })).toBeNull()
    expect(await of({ ...expire, on_expire: patch })).toEqual(patch)
    expect(await of(set)).toBeNull()
    const refused = { op: "expire", name: "keeps", expire_in: null, on_expire: patch }
    expect((await ask("POST /keys/batch", { operations: [refused] })).status).toBe(400)
  })
})
