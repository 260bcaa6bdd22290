/** Chunks that are damaged, or that a newer version wrote: an error that names the chunk, never other numbers. */
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { Database } from "../src/feed/database.ts"
import { Feed } from "../src/feed/feed.ts"
import { crc32 } from "../src/lib/crc32.ts"
import { Compactor } from "../src/series/compactor.ts"
import { send } from "./helpers.ts"

const ID = "(SELECT id FROM series WHERE reference = 'corrupt' AND symbol = ?1)"

/** Two thousand rows make a chunk, three more wait in the tail. */
async function stored(symbol: string): Promise<string> {
  const uri = `/api/store/corrupt/${symbol}`
  const index = Array.from({ length: 2_000 }, (_, at) => 1_420_070_400_000 + at * 60_000)
  await send(`PUT ${uri}?orient=split`, {
    columns: ["v"],
    index,
    data: index.map((at) => [at % 7]),
  })
  await send(`PUT ${uri}`, '{"v":{"2015-02-01":1.25,"2015-02-02":2.25,"2015-02-03":3.25}}')
  return uri
}

/** Changes the bytes of the chunk. */
async function tamper(symbol: string, change: (bytes: Uint8Array) => void, isTail = false) {
  const [table, column] = isTail ? ["tails", "parts"] : ["chunks", "body"]
  const select = `SELECT ${column} AS text FROM ${table} WHERE series = ${ID}`
  const { text } = (await env.DB.prepare(select).bind(symbol).first<{ text: string }>())!
  const body = isTail ? /"(VE1T[^"]*)"/.exec(text)![1]! : text
  const bytes = Uint8Array.from(atob(body), (character) => character.charCodeAt(0))
  change(bytes)
  const tampered = btoa(String.fromCharCode(...bytes))
  const update = `UPDATE ${table} SET ${column} = ?2 WHERE series = ${ID}`
  await env.DB.prepare(update).bind(symbol, text.replace(body, tampered)).run()
}

const flip = (bytes: Uint8Array) => {
  bytes[30]! ^= 1
}

describe("a damaged chunk", () => {
  it.each([
    ["a bit that flipped", flip, /its checksum is \d+, should be \d+$/],
    ["a newer version, its checksum right", newer, /it has version 2, known is 1$/],
    [
      "another format",
      (bytes: Uint8Array) => bytes.fill(65, 0, 3),
      /it begins with "AAA", not "TMS"$/,
    ],
  ])("is an error that names it: %s", async (name, change, reason) => {
    const symbol = name.replaceAll(" ", "-")
    const uri = await stored(symbol)
    await tamper(symbol, change)
    const answer = await send(`GET ${uri}`)
    expect(answer).toMatchObject({
      status: 500,
      json: {
        code: "corrupt_data",
        detail: expect.stringMatching(reason),
        chunk: {
          id: expect.any(Number),
          reference: "corrupt",
          symbol,
          range: ["2015-01-01T00:00:00.000000", "2015-01-02T09:19:00.000000"],
        },
      },
    })
    expect(answer.json.detail).toMatch(
      new RegExp(`^Chunk \\d+ of "corrupt/${symbol}", from 2015-01-01T00:00:00.0+ to 2015-01-02`),
    )
    // What does not need it can be read.
    expect((await send(`GET ${uri}?start=2015-02-01&orient=values`)).text).toBe(
      "[[1.25],[2.25],[3.25]]",
    )
  })

  it("in the tail is named as well", async () => {
    const uri = await stored("tail")
    await tamper("tail", flip, true)
    const answer = await send(`GET ${uri}`)
    expect(answer.json).toMatchObject({ status: 500, code: "corrupt_data", chunk: { id: null } })
    expect(answer.json.detail).toMatch(/^Chunk in the tail of "corrupt\/tail", from 2015-02-01T/)
    expect((await send(`GET ${uri}?end=2015-01-01T00:00&orient=values`)).text).toBe("[[0.0]]")
  })

  it("is left alone by a compaction, which folds the others", async () => {
    const uri = await stored("compacted")
    await tamper("compacted", flip)
    for (let at = 0; at < 40; at++)
      await send(`PUT ${uri}`, { v: { [`2015-03-01T00:${10 + at}`]: at } })
    const before = await chunks("compacted")
    const db = new Database(env.DB)
    await new Compactor(db, new Feed(db, { now: Date.now, poke: () => {} })).compact({
      reference: "corrupt",
      symbol: "compacted",
    })
    const after = await chunks("compacted")
    expect(after.find(({ id }) => id === before[0]!.id)).toEqual(before[0])
    expect(after).toHaveLength(2)
    expect((await send(`GET ${uri}`)).json.code).toBe("corrupt_data")
    expect((await send(`GET ${uri}?start=2015-03-01&orient=values`)).json).toHaveLength(40)
  })
})

function newer(bytes: Uint8Array): void {
  bytes[3] = 2
  const sum = crc32(bytes.subarray(0, bytes.length - 4))
  new DataView(bytes.buffer).setUint32(bytes.length - 4, sum, true)
}

async function chunks(symbol: string) {
  const select = `SELECT id, body FROM chunks WHERE series = ${ID} ORDER BY id`
  return (await env.DB.prepare(select).bind(symbol).all<{ id: number; body: string }>()).results
}
