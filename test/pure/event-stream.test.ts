/** The text of server-sent events, and the stream they are sent on. */
import { afterEach, describe, expect, it, vi } from "vitest"
import { EventStream, eventText, wantsEvents } from "../../src/lib/event-stream.ts"
import { headOf, patchText, resetText, stateText } from "../../src/protocol/frames.ts"

afterEach(() => void vi.useRealTimers())

const options = { retryMilliseconds: 1_500, heartbeatMilliseconds: 20_000, waitingMaxBytes: 100 }

describe("an event as text", () => {
  it("has its name, its data and its id, and a blank line at the end", () => {
    const text = eventText({ id: "a.1", event: "patch", data: "{}" })
    expect(text).toBe("event: patch\ndata: {}\nid: a.1\n\n")
    expect(eventText({ id: "a.2" })).toBe("id: a.2\n\n")
  })

  it("keeps the line breaks of its data", () => {
    expect(eventText({ data: '{\n"a":\r\n1,\r"b":2}' })).toBe(
      'data: {\ndata: "a":\ndata: 1,\ndata: "b":2}\n\n',
    )
  })

  it("is what EventSource asks for, and nobody who would rather have something else", () => {
    for (const accept of ["text/event-stream", "Text/Event-Stream; q=0.9, */*"]) {
      expect(wantsEvents(accept), accept).toBe(true)
    }
    for (const accept of [
      null,
      "",
      "*/*",
      "application/json, text/event-stream",
      "text/event-streams",
    ]) {
      expect(wantsEvents(accept), String(accept)).toBe(false)
    }
  })
})

describe("an event stream", () => {
  it("sends what is sent, a comment at every heartbeat, and ends once", async () => {
    vi.useFakeTimers()
    const ended = vi.fn()
    const stream = new EventStream({ ...options, ended })
    stream.send({ event: "a", data: "1" })
    vi.advanceTimersByTime(40_000)
    stream.end()
    stream.end()
    stream.send({ event: "late", data: "2" })
    expect(await stream.response.text()).toBe("retry: 1500\n\nevent: a\ndata: 1\n\n:\n\n:\n\n")
    expect(ended).toHaveBeenCalledTimes(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it("ends when what it stands for is dead at a heartbeat", () => {
    vi.useFakeTimers()
    const ended = vi.fn()
    const alive = [true, false]
    const stream = new EventStream({ ...options, ended, isAlive: () => alive.shift() ?? false })
    vi.advanceTimersByTime(20_000)
    expect(stream.isOpen).toBe(true)
    vi.advanceTimersByTime(20_000)
    expect([stream.isOpen, ended.mock.calls.length, vi.getTimerCount()]).toEqual([false, 1, 0])
  })

  it("ends for a reader who does not take what was sent, who still gets all of that in order", async () => {
    const ended = vi.fn()
    const stream = new EventStream({ ...options, ended })
    for (let n = 0; n < 100; n++) stream.send({ data: `${n}${"x".repeat(30)}` })
    expect(ended).toHaveBeenCalledTimes(1)
    const got = [...(await stream.response.text()).matchAll(/^data: (\d+)x/gm)].map(([, n]) => n)
    expect(got).toEqual(got.map((_, at) => String(at)))
    expect(got.length).toBeGreaterThan(1)
    expect(got.length).toBeLessThan(5)
  })

  it("sends one event that is larger than all that may wait", async () => {
    const stream = new EventStream({ ...options, waitingMaxBytes: 20, ended: () => {} })
    const reader = stream.response.body!.getReader()
    await reader.read()
    stream.send({ data: "x".repeat(1_000) })
    expect((await reader.read()).value!.byteLength).toBe(1_008)
    stream.end()
  })

  it("ends when the reader goes, and says when all is taken", async () => {
    const ended = vi.fn()
    const stream = new EventStream({ ...options, ended })
    const reader = stream.response.body!.getReader()
    stream.send({ data: "1" })
    const drained = vi.fn()
    const waiting = stream.drained().then(drained)
    await reader.read()
    expect(drained).not.toHaveBeenCalled()
    await reader.read()
    void reader.read()
    await waiting
    await reader.cancel()
    expect(ended).toHaveBeenCalledTimes(1)
    await stream.drained()
  })
})

describe("the head of a frame", () => {
  it("is all but what rides in it, whatever stands in its texts", () => {
    const uri = '/a,"patch":{/"resource":'
    const patch = '{"uri":"/no","revision":1}'
    expect(headOf(patchText({ uri, revision: 7, patch }))).toEqual({
      event: "patch",
      uri,
      revision: 7,
    })
    const state = { uri, revision: 8, position: 7, members: ["/a,", '"resource":'] }
    expect(headOf(stateText({ ...state, resource: "[1]" }))).toEqual({ event: "state", ...state })
    const reset = resetText(stateText({ ...state, resource: "[1.0]" }), "abc")
    expect(headOf(reset)).toMatchObject({ event: "state", reset: true, epoch: "abc" })
    expect(reset).toMatch(/"resource":\[1\.0\]\}$/)
  })
})
