import { exports } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { formatMetrics } from "../src/metrics/text.ts"
import { send } from "./helpers.ts"

async function read(): Promise<Record<string, number>> {
  const answer = await send("GET /metrics")
  expect(answer.status).toBe(200)
  expect(answer.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8")
  const samples = answer.text.matchAll(/^(\w+) (\S+)$/gm)
  return Object.fromEntries([...samples].map(([, name, value]) => [name, Number(value)]))
}

describe("metrics", () => {
  it("count the changes and what the journal keeps of them", async () => {
    const before = await read()
    await send("PUT /api/apps/metrics", { data: {} })
    const after = await read()
    expect(after["tidemark_changes_total"]).toBe(before["tidemark_changes_total"]! + 1)
    expect(after["tidemark_journal_changes"]).toBe(before["tidemark_journal_changes"]! + 1)
  })

  it("count the sockets and what they watch", async () => {
    expect(await read()).toMatchObject({ tidemark_sockets: 0, tidemark_subscriptions: 0 })
    const { webSocket } = await exports.default.fetch("https://tidemark.test/live", {
      headers: { Upgrade: "websocket" },
    })
    webSocket!.accept()
    const replied = new Promise((resolve) => webSocket!.addEventListener("message", resolve))
    webSocket!.send('{"id":1,"event":"subscribe","uri":"/todo/"}')
    await replied
    expect(await read()).toMatchObject({ tidemark_sockets: 1, tidemark_subscriptions: 1 })
    webSocket!.close()
  })

  it("are written as Prometheus reads them", () => {
    const text = formatMetrics([
      { name: "a_total", help: "One\nof \\ two", type: "counter", value: 3 },
    ])
    expect(text).toBe("# HELP a_total One\\nof \\\\ two\n# TYPE a_total counter\na_total 3\n")
  })
})
