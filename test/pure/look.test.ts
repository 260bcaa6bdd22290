/** When a hub looks into the journal although nobody told it of anything. */
import { describe, expect, it } from "vitest"
import { nextLook } from "../../src/live/delivery/look.ts"
import { HUB_LOOK_LAST_MILLISECONDS } from "../../src/protocol/live-limits.ts"

describe("a hub that nobody tells of anything", () => {
  it("looks half a minute after the last change, then after twice as long each time, and in the end no more", () => {
    const changed = 1_000_000
    const pauses: number[] = []
    for (let now = changed, next = nextLook(now, changed); next !== null;) {
      pauses.push((next - now) / 1_000)
      now = next
      next = nextLook(now, changed)
    }
    expect(pauses).toEqual([30, 30, 60, 120, 240, 480, 960])
    expect(pauses.reduce((sum, pause) => sum + pause) * 1_000).toBeGreaterThan(
      HUB_LOOK_LAST_MILLISECONDS,
    )
  })

  it("looks as late as it is told late, and not when it never knew of a change", () => {
    expect(nextLook(70_000, 10_000)).toBe(130_000)
    expect(nextLook(Date.UTC(2026, 0), 0)).toBeNull()
    // Clocks differ.
    expect(nextLook(10_000, 20_000)).toBe(40_000)
  })
})
