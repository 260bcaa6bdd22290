/** What live delivery is held against: an object that only takes sockets and sends to all of them in a loop. */
import { DurableObject } from "cloudflare:workers"
import type { Change } from "../../src/protocol/change.ts"
import { Hub as OurHub } from "../../src/index.ts"

/** Ours, with a watch: milliseconds of each poke. A local workerd lets the clock go on within a turn. */
export class Hub extends OurHub {
  readonly #turns: number[] = []

  override async poke(changes: Change[]): Promise<void> {
    const start = performance.now()
    await super.poke(changes)
    this.#turns.push(performance.now() - start)
  }

  turns(): number[] {
    return this.#turns
  }
}

export class Bare extends DurableObject {
  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair()
    this.ctx.acceptWebSocket(server)
    return new Response(null, { status: 101, webSocket: client })
  }

  #took = 0

  send(text: string): void {
    const start = performance.now()
    for (const socket of this.ctx.getWebSockets()) socket.send(text)
    this.#took = performance.now() - start
  }

  took(): number {
    return this.#took
  }

  override webSocketMessage(): void {}

  override webSocketClose(socket: WebSocket): void {
    socket.close()
  }
}

interface Env {
  DB: D1Database
  BARE: DurableObjectNamespace<Bare>
  HUB: DurableObjectNamespace
}

/**
 * `/bench/hub`: a socket goes to the object; a POST makes it send the body to all (after a PUT); a GET says how long that took it,
 * and our hub its last poke. `/bench/hub?commit=1` writes two rows
 * to D1 in one batch first, which is the least that a commit with its change can be.
 */
export async function answerHub(request: Request, env: Env): Promise<Response> {
  const bare = env.BARE.getByName("bare")
  if (request.method === "PUT") {
    await env.DB.prepare("CREATE TABLE bare (id INTEGER PRIMARY KEY, text TEXT)").run()
    return new Response()
  }
  if (request.method === "GET" && !request.headers.has("Upgrade")) {
    const hub = env.HUB.getByName("hub-0") as unknown as { turns(): Promise<number[]> }
    return Response.json({ bare: await bare.took(), hub: (await hub.turns()).at(-1) })
  }
  if (request.method === "GET") return bare.fetch(request)
  const text = await request.text()
  if (new URL(request.url).searchParams.has("commit")) {
    await env.DB.batch([
      env.DB.prepare("INSERT INTO bare (text) VALUES (?1)").bind(text),
      env.DB.prepare(
        "INSERT INTO bare (id, text) VALUES (0, ?1) ON CONFLICT DO UPDATE SET text = ?1",
      ).bind(text),
    ])
  }
  await bare.send(text)
  return new Response()
}
