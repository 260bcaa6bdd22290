import { describe, expect, it } from "vitest"
import { hubFor, hubNames } from "../../src/live/hubs.ts"
import { HUBS_MAX } from "../../src/protocol/live-limits.ts"

describe("LIVE_HUBS", () => {
  it("says how many hubs there are; what is no such number means one", () => {
    expect(hubNames({ LIVE_HUBS: "3" })).toEqual(["hub-0", "hub-1", "hub-2"])
    for (const wrong of ["", "0", "-2", "1.5", "many", "NaN", "Infinity"]) {
      expect(hubNames({ LIVE_HUBS: wrong })).toEqual(["hub-0"])
    }
    expect(hubNames({})).toEqual(["hub-0"])
    expect(hubNames({ LIVE_HUBS: "1000000" })).toHaveLength(HUBS_MAX)
  })

  it("spreads connections evenly, each always to the same", () => {
    const env = { LIVE_HUBS: "4", HUB: {} as never }
    const held = new Map<string, number>()
    for (let n = 0; n < 4_000; n++) {
      const name = hubFor(env, `connection ${n}`)
      expect(hubFor(env, `connection ${n}`)).toBe(name)
      held.set(name, (held.get(name) ?? 0) + 1)
    }
    expect([...held.keys()].toSorted()).toEqual(hubNames(env))
    for (const count of held.values()) expect(Math.abs(count - 1_000)).toBeLessThan(200)
  })
})
