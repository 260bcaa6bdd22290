import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { Database } from "../src/feed/database.ts"
import { guard, type Statement } from "../src/feed/statement.ts"
import { Feed, type Journal } from "../src/feed/feed.ts"
import { commitTogether } from "../src/feed/joint.ts"
import type { Change } from "../src/protocol/change.ts"
import { BATCH_MAX_STATEMENTS } from "../src/protocol/limits.ts"
import { send } from "./helpers.ts"

const HOUR = 3_600_000

function open(now = () => 1_000) {
  const poked: Change[][] = []
  const db = new Database(env.DB)
  return { db, poked, feed: new Feed(db, { now, poke: (changes) => poked.push(changes) }) }
}

const insert = (name: string): Statement => ({
  sql: `INSERT INTO documents (collection, created, name, revision, data)
    VALUES ('/feed/', (SELECT max(revision) FROM changes), ?1, (SELECT max(revision) FROM changes), '{}')`,
  params: [name],
})

const draft = (name: string) => ({ uri: `/feed/${name}`, event: "create" as const, body: "{}" })

async function stored(db: Database): Promise<string[]> {
  const sql = "SELECT name FROM documents WHERE collection = '/feed/' ORDER BY created"
  return (await db.all<{ name: string }>({ sql, params: [] })).map((row) => row.name)
}

describe("the feed", () => {
  it("I1, I2: a write and its change are one commit, and the listener hears of it once", async () => {
    const { db, feed, poked } = open()
    const changes = await feed.commit({ drafts: [draft("a")], writes: [insert("a")] })
    expect(changes).toMatchObject([{ uri: "/feed/a", event: "create", at: 1_000, body: "{}" }])
    expect(await stored(db)).toContain("a")
    expect(poked).toEqual([changes])
  })

  it("reads inside the commit what was there before it, and nothing when it fails", async () => {
    const { feed } = open()
    const seen: unknown[][] = []
    const statement = {
      sql: "SELECT name FROM documents WHERE collection = '/feed/' AND name = 'looked'",
      params: [],
    }
    const reads = [{ statement, take: (rows: unknown[]) => seen.push(rows) }]
    await feed.commit({ reads, drafts: [draft("looked")], writes: [insert("looked")] })
    await feed.commit({ reads, drafts: [], writes: [] })
    const failed = feed.commit({ guards: [guard("false")], reads, drafts: [], writes: [] })
    await expect(failed).rejects.toThrow()
    expect(seen).toEqual([[], [{ name: "looked" }]])
  })

  it("I2: a failed write leaves no change and no poke", async () => {
    const { db, feed, poked } = open()
    await feed.commit({ drafts: [draft("twice")], writes: [insert("twice")] })
    const before = await feed.position()
    // The name is taken: the second insert breaks the unique index.
    const again = feed.commit({ drafts: [draft("twice")], writes: [insert("x"), insert("twice")] })
    await expect(again).rejects.toThrow(/UNIQUE/)
    expect(await feed.position()).toEqual(before)
    expect(await stored(db)).not.toContain("x")
    expect(poked).toHaveLength(1)
  })

  it("I2: a draft whose condition does not hold records nothing", async () => {
    const { feed, poked } = open()
    const before = await feed.position()
    const when = { sql: "EXISTS (SELECT 1 FROM documents WHERE name = ?)", params: ["nobody"] }
    expect(await feed.commit({ drafts: [{ ...draft("n"), when }], writes: [] })).toEqual([])
    expect(await feed.position()).toEqual(before)
    expect(poked).toEqual([])
  })

  it("I3: fifty commits at once get fifty growing revisions, each commit's in one run", async () => {
    const { feed } = open()
    const before = await feed.position()
    const commits = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        feed.commit({ drafts: [draft(`m${at}`), draft(`n${at}`)], writes: [] }),
      ),
    )
    for (const [first, second] of commits) {
      expect(second?.revision).toBe((first?.revision ?? 0) + 1)
    }
    const all = commits.flat().map((change) => change.revision)
    const expected = Array.from({ length: 100 }, (_, at) => before.revision + 1 + at)
    expect(all.toSorted((a, b) => a - b)).toEqual(expected)
  })

  it("I3: several units in one transaction each see their own revision", async () => {
    const { db, feed } = open()
    const changes = await feed.commitAll([
      { drafts: [draft("u1")], writes: [insert("u1")] },
      { drafts: [draft("u2")], writes: [insert("u2")] },
    ])
    const sql = "SELECT revision FROM documents WHERE name IN ('u1', 'u2') ORDER BY name"
    const rows = await db.all<{ revision: number }>({ sql, params: [] })
    expect(rows.map((row) => row.revision)).toEqual(changes.map((change) => change.revision))
  })

  it("I6: of several units, each is guarded by what those before it wrote, and none stays when one fails", async () => {
    const { db, feed, poked } = open()
    const is = (name: string) => guard("EXISTS (SELECT 1 FROM documents WHERE name = ?)", [name])
    const unit = (name: string, ...guards: Statement[]) => [
      { guards, drafts: [draft(name)], writes: [insert(name)] },
    ]
    const changes = await feed.commitUnits([unit("g1"), [], unit("g2", is("g1")), unit("g3")])
    expect(changes.map((some) => some.map(({ uri }) => uri))).toEqual([
      ["/feed/g1"],
      [],
      ["/feed/g2"],
      ["/feed/g3"],
    ])
    expect(poked).toEqual([changes.flat()])
    const before = await feed.position()
    const refused = feed.commitUnits([unit("g4"), unit("g5", is("g4"), is("g6")), unit("g6")])
    await expect(refused).rejects.toMatchObject({ unit: 1, problem: { code: "conflict" } })
    expect(await feed.position()).toEqual(before)
    expect(await stored(db)).not.toContain("g4")
  })

  it("I6: a guard that is neither true nor false does not hold", async () => {
    const { feed } = open()
    const unknown = feed.commit({ guards: [guard("NULL IN (1)")], drafts: [], writes: [] })
    await expect(unknown).rejects.toMatchObject({ code: "conflict" })
  })

  it("I6: operations that commit together may try again; at most so many statements take part", async () => {
    const { feed } = open()
    let tries = 0
    const stubborn = async (journal: Journal): Promise<string> => {
      try {
        const guards = [guard(tries++ === 0 ? "false" : "true")]
        const [change] = await journal.commit({ guards, drafts: [draft("tried")], writes: [] })
        return change!.uri
      } catch {
        return stubborn(journal)
      }
    }
    const plain = async (journal: Journal) =>
      (await journal.commit({ drafts: [draft("plain")], writes: [] }))[0]!.uri
    const idle = async () => "idle"
    const done = await commitTogether(feed, [plain, idle, stubborn], () => true)
    expect(done).toEqual({ results: ["/feed/plain", "idle", "/feed/tried"], at: null })
    expect(tries).toBe(2)

    const before = await feed.position()
    const drafts = Array.from({ length: BATCH_MAX_STATEMENTS }, (_, at) => draft(`many${at}`))
    const many = (journal: Journal) => journal.commit({ drafts, writes: [] }).then(String, String)
    const tooMany = commitTogether(feed, [plain, many], () => true)
    await expect(tooMany).rejects.toMatchObject({
      code: "too_large",
      details: { limit: BATCH_MAX_STATEMENTS },
    })
    expect(await feed.position()).toEqual(before)
  })

  it("I4: a reader learns everything after its position, page by page", async () => {
    const { feed } = open()
    const start = await feed.position()
    for (let at = 0; at < 5; at++) await feed.commit({ drafts: [draft(`p${at}`)], writes: [] })
    const seen: string[] = []
    for (let at = start, more = true; more;) {
      const page = await feed.since(at, 2)
      if (page.reset) throw new Error("reset")
      seen.push(...page.changes.map((change) => change.uri))
      at = { ...at, revision: page.changes.at(-1)?.revision ?? at.revision }
      more = page.more
    }
    expect(seen).toEqual(["p0", "p1", "p2", "p3", "p4"].map((name) => `/feed/${name}`))
  })

  it("I4: at the newest position there is nothing, and no reset", async () => {
    const { feed } = open()
    const position = await feed.position()
    expect(await feed.since(position)).toEqual({ reset: false, changes: [], more: false })
  })

  it("I3, I4: a position of another epoch or of the future is told to reset", async () => {
    const { feed } = open()
    const { epoch, revision } = await feed.position()
    expect(epoch).toMatch(/^[0-9a-f]{16}$/)
    expect(await feed.since({ epoch: "0123456789abcdef", revision })).toEqual({ reset: true })
    expect(await feed.since({ epoch, revision: revision + 1 })).toEqual({
      reset: true,
      first: expect.any(Number),
    })
  })

  it("I3: a database that was put back to an earlier state gets a new epoch, once", async () => {
    const { db, feed } = open()
    await feed.commit({ drafts: [draft("lost")], writes: [] })
    const seen = await feed.position()
    expect(await feed.renewIfRestored(seen)).toBe(false)
    // What Time Travel does to the journal.
    await db.batch([{ sql: "DELETE FROM changes WHERE revision = ?1", params: [seen.revision] }])
    expect(await feed.renewIfRestored(seen)).toBe(true)
    expect(await feed.renewIfRestored(seen)).toBe(false)
    await feed.commit({ drafts: [draft("other")], writes: [] })
    const { epoch, revision } = await feed.position()
    expect(revision).toBe(seen.revision)
    expect(epoch).not.toBe(seen.epoch)
    expect(await feed.since(seen)).toEqual({ reset: true })
  })

  it("I3: the same although as much was written since as was lost, where it is known when the last change was made", async () => {
    let now = HOUR
    const { db, feed } = open(() => now)
    await feed.commit({ drafts: [draft("lost")], writes: [] })
    const seen = await feed.position()
    expect(seen.at).toBe(now)
    expect(await feed.renewIfRestored(seen)).toBe(false)
    expect(await feed.since(seen)).toMatchObject({ reset: false })
    await db.batch([{ sql: "DELETE FROM changes WHERE revision = ?1", params: [seen.revision] }])
    now += 1
    for (const name of ["one", "two"]) await feed.commit({ drafts: [draft(name)], writes: [] })
    expect(await feed.since(seen)).toMatchObject({ reset: true })
    expect(await feed.renewIfRestored({ ...seen, at: null })).toBe(false)
    expect(await feed.renewIfRestored(seen)).toBe(true)
    expect((await feed.position()).epoch).not.toBe(seen.epoch)
  })

  it("I5: trimming by age keeps what is within the window; who is behind it is told to reset", async () => {
    let now = 10 * HOUR
    const { feed } = open(() => now)
    const start = await feed.position()
    await feed.commit({ drafts: [draft("old")], writes: [] })
    now += 2 * HOUR
    const [recent] = await feed.commit({ drafts: [draft("recent")], writes: [] })
    await feed.trim(HOUR, 1_000_000)
    expect(await feed.since(start)).toEqual({ reset: true, first: expect.any(Number) })
    const kept = await feed.since({ ...start, revision: (recent?.revision ?? 0) - 1 })
    expect(kept).toMatchObject({ reset: false, changes: [{ uri: "/feed/recent" }] })
  })

  it("I5: trimming by count keeps the newest, and revisions go on growing after it", async () => {
    const { feed } = open()
    for (let at = 0; at < 4; at++) await feed.commit({ drafts: [draft(`c${at}`)], writes: [] })
    const last = await feed.position()
    await feed.trim(HOUR, 2)
    const behind = { ...last, revision: last.revision - 2 }
    expect(await feed.since(behind)).toMatchObject({ reset: false, changes: [{}, {}] })
    expect(await feed.since({ ...last, revision: last.revision - 3 })).toEqual({
      reset: true,
      first: expect.any(Number),
    })
    await feed.trim(-HOUR, 0)
    const [next] = await feed.commit({ drafts: [draft("next")], writes: [] })
    expect(next?.revision).toBe(last.revision + 1)
  })

  it("I6: a guard is checked inside the batch and stops all of it", async () => {
    const { db, feed } = open()
    const before = await feed.position()
    const failing = feed.commit({
      guards: [guard("1 = ?", [2])],
      drafts: [draft("guarded")],
      writes: [insert("guarded")],
    })
    await expect(failing).rejects.toMatchObject({ code: "conflict" })
    expect(await feed.position()).toEqual(before)
    expect(await stored(db)).not.toContain("guarded")
  })

  it("I6: of fifty writers that all name the same revision, one wins", async () => {
    const { revision } = await send("PUT /api/apps/race", { data: { n: 0 } })
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        send("PUT /api/apps/race", { data: { n } }, { "If-Match": `"${revision}"` }),
      ),
    )
    expect(answers.filter((answer) => answer.status === 204)).toHaveLength(1)
    expect(answers.filter((answer) => answer.status === 412)).toHaveLength(49)
  })

  it("keeps a body that a change row can hold, and drops a larger one", async () => {
    const { feed } = open()
    const body = (size: number) => JSON.stringify({ text: "x".repeat(size) })
    const [small] = await feed.commit({
      drafts: [{ ...draft("s"), body: body(60_000) }],
      writes: [],
    })
    const [large] = await feed.commit({
      drafts: [{ ...draft("l"), body: body(64_000) }],
      writes: [],
    })
    expect(small?.body).toBe(body(60_000))
    expect(large?.body).toBeNull()
  })
})
