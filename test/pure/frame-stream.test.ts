/** The places of frames in an event stream. */
import { describe, expect, it } from "vitest"
import { EventStream } from "../../src/lib/event-stream.ts"
import { FrameStream } from "../../src/live/streams/frame-stream.ts"
import { headOf } from "../../src/protocol/frames.ts"

const frame = (head: object) => JSON.stringify({ event: "state", uri: "/api/apps/a", ...head })

/** The ids of what is told after this position, in order. */
async function idsAfter(position: number, texts: string[]): Promise<string[]> {
  const stream = new EventStream({
    retryMilliseconds: 1_000,
    heartbeatMilliseconds: 60_000,
    waitingMaxBytes: 100_000,
    ended: () => {},
  })
  const events = new FrameStream(stream, "e")
  events.place(position)
  for (const text of texts) events.tell(text, headOf(text))
  stream.end()
  return [...(await stream.response.text()).matchAll(/^id: (.*)$/gm)].map(([, id]) => id ?? "")
}

describe("an event stream", () => {
  it("sends nobody back behind what was told, where a hub that is behind reads again", async () => {
    const texts = [
      frame({ revision: 9, position: 3 }),
      frame({ revision: 6 }),
      frame({ revision: 10 }),
    ]
    expect(await idsAfter(5, texts)).toEqual(["e.5", "e.5", "e.6", "e.10"])
  })

  it("begins again where the database was put back", async () => {
    const texts = [frame({ revision: 2, reset: true, epoch: "f" }), frame({ revision: 3 })]
    expect(await idsAfter(5, texts)).toEqual(["e.5", "f.2", "f.3"])
  })
})
