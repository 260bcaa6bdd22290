/** Readers that acknowledge: what is sent to them, and what waits. */
import { describe, expect, it } from "vitest"
import { Pace, type Kept } from "../../src/live/outlet/pace.ts"
import { Session } from "../../src/live/session.ts"
import { ackIn, ackText, isAck } from "../../src/protocol/ack.ts"
import { headOf, patchText, stateText } from "../../src/protocol/frames.ts"
import {
  ACK_EVERY_CHARACTERS,
  BEHIND_MAX_CHARACTERS,
  BEHIND_WAITING_MAX_CHARACTERS,
} from "../../src/protocol/live-limits.ts"

function paced(kept: Kept | null = null) {
  const sent: string[] = []
  let now = 1_000
  const saved: Kept[] = []
  const pace: Pace = new Pace(
    {
      send: (text) => void sent.push(text),
      save: () => void saved.push(pace.kept),
      now: () => now,
    },
    kept,
  )
  return {
    pace,
    sent,
    saved,
    pass: (milliseconds: number) => void (now += milliseconds),
    frames: () => sent.filter((text) => !isAck(text)),
    marks: () => sent.flatMap((text) => ackIn(text) ?? []),
  }
}

const total = (texts: readonly string[]) => texts.reduce((sum, text) => sum + text.length, 0)

function patch(uri: string, revision: number, characters: number): string {
  return patchText({ uri, revision, patch: JSON.stringify({ text: "x".repeat(characters) }) })
}

describe("a reader that acknowledges", () => {
  it("is asked after so much, never twice with the same mark, and goes on at once when it answers", () => {
    const { pace, frames, marks } = paced()
    for (let n = 1; n <= 400; n++) {
      pace.pass(patch("/a", n, 5_000))
      for (const mark of marks()) pace.acknowledge(mark)
    }
    expect(frames()).toHaveLength(400)
    expect(new Set(marks()).size).toBe(marks().length)
    expect(marks().length).toBeGreaterThan((400 * 5_000) / ACK_EVERY_CHARACTERS / 2)
    expect(marks().length).toBeLessThan((2 * 400 * 5_000) / ACK_EVERY_CHARACTERS)
    expect(marks()).toEqual(marks().toSorted((one, other) => one - other))
  })

  it("is asked of many small frames, too", () => {
    const { pace, marks } = paced()
    for (let n = 1; n <= 1_000; n++) pace.pass(patch("/a", n, 1))
    expect(marks().length).toBeGreaterThan(5)
  })

  it("that never answers is sent no more than it may be behind, and what waits for it is bounded", () => {
    const { pace, sent } = paced()
    let waited = 0
    for (let n = 1; n <= 1_000; n++) {
      // Nothing of it can be told with less.
      pace.pass(patch(`/${n}`, n, 50_000))
      if (!pace.isLost) waited = n * 50_000
    }
    expect(total(sent)).toBeLessThan(BEHIND_MAX_CHARACTERS + 60_000)
    expect(waited).toBeLessThan(BEHIND_MAX_CHARACTERS + BEHIND_WAITING_MAX_CHARACTERS + 60_000)
    expect(pace.isLost).toBe(true)
    const before = sent.length
    pace.acknowledge(Number.MAX_SAFE_INTEGER)
    expect([sent.length, pace.isLost, pace.isBehind]).toEqual([before, true, false])
    pace.regain()
    pace.pass(patch("/a", 1_001, 1))
    expect(sent.at(-1)).toContain('"revision":1001')
  })

  it("is not lost by any number of changes of one thing", () => {
    const { pace, frames, marks } = paced()
    const text = stateText({ uri: "/a", revision: 1, resource: `"${"x".repeat(600_000)}"` })
    pace.pass(text)
    for (let n = 2; n <= 20_000; n++) pace.pass(patch("/a", n, 200))
    expect(frames()).toHaveLength(1)
    expect(pace.isLost).toBe(false)
    pace.acknowledge(marks().at(-1) ?? 0)
    expect(frames()).toHaveLength(2)
    expect(headOf(frames()[1] ?? "")).toMatchObject({ event: "patch", revision: 20_000 })
  })

  it("is known after a sleep by what it has not answered, and asked by the next text", () => {
    const before = paced()
    for (let n = 1; n <= 3; n++) before.pace.pass(patch("/a", n, 150_000))
    const kept = before.saved.at(-1) as Kept
    expect(kept[2]).toBe(0)
    const after = paced(kept)
    after.pace.pass(patch("/a", 4, 10))
    expect(after.marks()).toHaveLength(1)
    // Not what it was asked before, although no time has passed.
    expect(before.marks()).not.toContain(after.marks()[0])
    after.pace.pass(patch("/a", 5, 150_000))
    after.pace.pass(patch("/a", 6, 10))
    expect(after.frames()).toHaveLength(2)
    after.pace.acknowledge(before.marks().at(-1) ?? 0)
    expect(headOf(after.frames()[2] ?? "")).toMatchObject({ revision: 6 })
  })

  it("is lost by a sleep while something waits", () => {
    const before = paced()
    for (let n = 1; n <= 4; n++) before.pace.pass(patch("/a", n, 300_000))
    const kept = before.saved.at(-1) as Kept
    expect(kept[2]).toBe(1)
    const { pace, sent, saved } = paced(kept)
    pace.pass(patch("/a", 5, 10))
    expect([sent, pace.isLost, pace.isBehind]).toEqual([[], true, true])
    pace.acknowledge(before.marks().at(-1) ?? 0)
    expect([pace.isLost, pace.isBehind]).toEqual([true, false])
    expect(saved.at(-1)?.[2]).toBe(1)
  })

  it("needs no timer, whatever waits", () => {
    const clock = {
      now: () => 0,
      after: () => {
        throw new Error("A timer would keep the hub awake")
      },
    }
    const line = { send: () => {}, close: () => {}, serializeAttachment: () => {} }
    const session = new Session(line, "write", [["/a", 0]], clock, { pace: null })
    for (let revision = 1; revision <= 100; revision++) {
      session.push({ revision, frames: [["/a", patch("/a", revision, 20_000)]] })
    }
    expect(session.outlet.isBehind).toBe(true)
  })
})

describe("a message", () => {
  it("is an acknowledgement whatever the order of its members, and nothing else is", () => {
    for (const text of [
      ackText(7),
      '{"mark":7,"event":"ack"}',
      ' { "event" : "ack", "mark": 7 }',
    ]) {
      expect(ackIn(text)).toBe(7)
    }
    const others = [
      '{"event":"ack"}',
      '{"event":"ack","mark":"7"}',
      '{"event":"ack","mark":1.5}',
      '{"event":"patch","uri":"/a","patch":{"a":"ack"}}',
      '"ack"',
      '["ack"',
      `{"event":"ack","mark":7,"more":"${"x".repeat(100)}"}`,
      new ArrayBuffer(4),
    ]
    for (const text of others) expect(ackIn(text)).toBeNull()
  })
})
