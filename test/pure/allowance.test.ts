/** Readers that acknowledge nothing: what they are sent before they have to connect again. */
import { describe, expect, it } from "vitest"
import { Allowance, newAllowance, type KeptAllowance } from "../../src/live/outlet/allowance.ts"
import { Session, type Line } from "../../src/live/session.ts"
import { isReconnectable } from "../../src/protocol/close.ts"
import { ALLOWANCE_STEP_CHARACTERS, FRAME_COST_CHARACTERS } from "../../src/protocol/live-limits.ts"

const MOST = 1_000_000

function allowed(kept: KeptAllowance = [0, MOST]) {
  const sent: string[] = []
  const saved: KeptAllowance[] = []
  let ended = 0
  const allowance: Allowance = new Allowance(
    {
      send: (text) => void sent.push(text),
      save: () => void saved.push(allowance.kept),
      end: () => void ended++,
    },
    kept,
  )
  return { allowance, sent, saved, ended: () => ended }
}

const cost = (sent: readonly string[]) =>
  sent.reduce((sum, text) => sum + text.length + FRAME_COST_CHARACTERS, 0)

describe("a reader that acknowledges nothing", () => {
  it("is sent so much, and then ended", () => {
    const { allowance, sent, ended } = allowed()
    for (let n = 0; n < 2_000; n++) allowance.send("x".repeat(750))
    expect(cost(sent)).toBe(MOST)
    expect(ended()).toBe(2_000 - MOST / 1_000)
  })

  it("is sent what is larger than all of it, and nothing behind that", () => {
    const { allowance, sent, ended } = allowed()
    allowance.send("x".repeat(2 * MOST))
    expect([sent.length, ended()]).toEqual([1, 0])
    allowance.send("x")
    expect([sent.length, ended()]).toEqual([1, 1])
  })

  it("is never taken to have been sent less than it was, however often the hub sleeps, nor much more", () => {
    let kept: KeptAllowance = [0, MOST]
    let total = 0
    let sleeps = 0
    let saves = 0
    for (let n = 0; ; n++) {
      const { allowance, sent, saved, ended } = allowed(kept)
      for (let at = 0; at <= n % 40; at++) allowance.send("x".repeat(1 + ((n * 7_919) % 900)))
      total += cost(sent)
      saves += saved.length
      kept = saved.at(-1) ?? kept
      if (ended() > 0) break
      expect(kept[0]).toBeGreaterThanOrEqual(total)
      sleeps++
    }
    expect(sleeps).toBeGreaterThan(50)
    expect(saves).toBeLessThan(MOST / ALLOWANCE_STEP_CHARACTERS + sleeps)
    expect(total).toBeGreaterThan(MOST - (sleeps + 1) * ALLOWANCE_STEP_CHARACTERS)
  })

  it("is not ended together with all others that hear the same", () => {
    const [[, least], [, most]] = [newAllowance(() => 0.999_999), newAllowance(() => 0)]
    expect([least, most]).toEqual([12_000_004, 16_000_000])
  })

  it("is closed to come back, and nothing is sent to it or closed again after that", () => {
    const sent: string[] = []
    const closed: [code: number, reason: string][] = []
    const line: Line = {
      send: (text) => void sent.push(text),
      close: (code, reason) => void closed.push([code, reason]),
      serializeAttachment() {},
    }
    const clock = { now: () => 0, after: () => {} }
    const session = new Session(line, "write", [["/a", 0]], clock, { allowance: [0, 1_000] })
    for (let revision = 1; revision <= 9; revision++) {
      session.push({ revision, frames: [["/a", "x".repeat(250)]] })
    }
    session.send("a reply")
    expect(sent).toHaveLength(2)
    expect(closed).toEqual([[4002, expect.stringContaining("/live?acks=1")]])
    expect(isReconnectable(4002)).toBe(true)
    expect(session.closed).toBe(true)
  })

  it("goes on where it was when the hub has slept", () => {
    let attachment = ""
    const line: Line = { send() {}, close() {}, serializeAttachment: (text) => (attachment = text) }
    const clock = { now: () => 0, after: () => {} }
    const session = new Session(line, "write", [["/a", 0]], clock, { allowance: [0, 9_000] })
    session.send("x".repeat(3_000))
    const reserved = 3_000 + FRAME_COST_CHARACTERS + ALLOWANCE_STEP_CHARACTERS
    expect(Session.wake(line, attachment)?.outlet.kept).toEqual({ allowance: [reserved, 9_000] })
  })
})
