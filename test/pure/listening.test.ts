/** A hub among those who are told of commits: what lasts, and what crossing and failing calls must not undo. */
import { describe, expect, it } from "vitest"
import { Listening } from "../../src/live/delivery/listening.ts"

/** A database of listeners whose answers can be lost, and a hub's storage. */
function world() {
  const listeners = new Map<string, number>()
  const stored = new Map<string, unknown>()
  const late: (() => void)[] = []
  let now = 1_000
  let fails = false
  const feed = {
    listen: async (name: string, at: number) => {
      if (fails) throw new Error("Network connection lost")
      if (at > (listeners.get(name) ?? 0)) listeners.set(name, at)
      return { epoch: "ab", revision: 7 }
    },
    unlisten: async (name: string, at: number) => {
      const run = () => void ((listeners.get(name) ?? Infinity) <= at && listeners.delete(name))
      if (!fails) return run()
      // It did not seem to arrive, and is carried out some time later.
      late.push(run)
      throw new Error("Network connection lost")
    },
  }
  const storage = {
    get: (key: string) => structuredClone(stored.get(key)),
    put: (key: string, value: unknown) => void stored.set(key, structuredClone(value)),
  }
  return {
    listeners,
    late,
    fail: (does: boolean) => void (fails = does),
    set: (time: number) => void (now = time),
    /** As after hibernation. */
    wake: () => new Listening({ storage, feed: () => feed, name: "hub-1", now: () => now }),
  }
}

describe("listening", () => {
  it("answers the position from which on every commit is told, and lasts through sleep", async () => {
    const { wake, listeners } = world()
    const one = wake()
    expect(one.isOn).toBe(false)
    expect(await one.begin()).toEqual({ epoch: "ab", revision: 7 })
    expect([one.isOn, wake().isOn, [...listeners.keys()]]).toEqual([true, true, ["hub-1"]])
    await wake().end()
    expect([wake().isOn, listeners.size]).toEqual([false, 0])
  })

  it("is not on while it is not sure that it began", async () => {
    const { wake, fail } = world()
    fail(true)
    const one = wake()
    await expect(one.begin()).rejects.toThrow()
    expect([one.isOn, wake().isOn]).toEqual([false, false])
  })

  it("is not undone by an end that comes late", async () => {
    const { wake, fail, late, listeners } = world()
    const one = wake()
    await one.begin()
    fail(true)
    await expect(one.end()).rejects.toThrow()
    fail(false)
    // In the same millisecond.
    await one.begin()
    for (const run of late) run()
    expect([one.isOn, listeners.size]).toEqual([true, 1])
  })

  it("never uses a time twice although the clock goes back", async () => {
    const { wake, listeners, set } = world()
    await wake().begin()
    const first = listeners.get("hub-1") ?? 0
    await wake().end()
    set(10)
    await wake().begin()
    expect(listeners.get("hub-1")).toBeGreaterThan(first)
  })

  it("says again that it is on without a new time, so that no row is written", async () => {
    const { wake, listeners, set } = world()
    await wake().begin()
    set(5_000)
    await wake().begin()
    expect(listeners.get("hub-1")).toBe(1_000)
  })
})
