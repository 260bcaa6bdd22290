/** A real runtime with the storm's Worker in it, whose hubs can be put to sleep and which can be restarted whole. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Miniflare } from "miniflare"
import { COMPATIBILITY, type Bundle } from "../bundle.ts"

const NAME = "tidemark-storm"

export class Runtime {
  readonly #folder = mkdtempSync(join(tmpdir(), "tidemark-storm-"))
  readonly #manifest: Bundle
  readonly #miniflare: Miniflare
  /** Told of the errors that the Worker logs. */
  heard: (line: string) => void = () => {}
  #url = new URL("http://localhost")
  #busy: Promise<unknown> = Promise.resolve()

  private constructor(manifest: Bundle) {
    this.#manifest = manifest
    this.#miniflare = new Miniflare(this.#options())
  }

  static async start(manifest: Bundle): Promise<Runtime> {
    const runtime = new Runtime(manifest)
    runtime.#url = await runtime.#miniflare.ready
    // The first request makes the tables.
    await runtime.request("/api/apps/")
    return runtime
  }

  get url(): URL {
    return this.#url
  }

  /** Asks the Worker, over no wire of the storm. What is asked must do no harm when it is asked twice. */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const url = () => new URL(path, this.#url)
    // The pool may have a connection of before a restart, which fails only when it is used.
    return fetch(url(), init).catch(() => fetch(url(), init))
  }

  /** A control of the storm's Worker. */
  async control<Answer>(name: string, query: Record<string, string> = {}): Promise<Answer> {
    const answer = await this.request(`/storm/${name}?${new URLSearchParams(query)}`)
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${name}: ${answer.status} ${text}`)
    return (text === "" ? null : JSON.parse(text)) as Answer
  }

  /** Ends the process and starts another over the same storage. */
  restart(): Promise<void> {
    return this.#alone(async () => {
      await this.#miniflare.setOptions(this.#options())
      this.#url = await this.#miniflare.ready
    })
  }

  /** Puts a hub to sleep; its sockets stay. One at a time: two at once crash workerd 1.20261023. */
  evict(name: string): Promise<void> {
    const options = { name, webSockets: "hibernate" } as const
    // It rejects for a hub that is asleep.
    return this.#alone(() =>
      this.#miniflare.unsafeEvictDurableObject(NAME, "Hub", options).catch(() => {}),
    )
  }

  async stop(): Promise<void> {
    await this.#miniflare.dispose()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #alone(job: () => Promise<void>): Promise<void> {
    const run = this.#busy.then(job)
    this.#busy = run.catch(() => {})
    return run
  }

  #options(): ConstructorParameters<typeof Miniflare>[0] {
    return {
      port: Number(this.#url?.port ?? 0),
      cf: false,
      logRequests: false,
      telemetry: { enabled: false },
      resourcePersistencePath: this.#folder,
      handleStructuredLogs: ({ level, message }) => {
        if (level === "error") this.heard(message)
      },
      workers: [
        {
          config: {
            name: NAME,
            ...COMPATIBILITY,
            manifest: this.#manifest,
            env: {
              LIVE_HUBS: { type: "text", value: "2" },
              DB: { type: "d1", id: NAME },
              KV: { type: "kv", id: NAME },
              HUB: { type: "durable-object", worker: NAME, exportName: "Hub" },
            },
            exports: { Hub: { type: "durable-object", storage: "sqlite" } },
          },
        },
      ],
    }
  }
}
