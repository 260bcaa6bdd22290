/** Tidemark in processes: a Worker with the database in one, each hub in one of its own, its sockets in others. */
import { fork } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Miniflare } from "miniflare"
import { COMPATIBILITY } from "../bundle.ts"
import { put } from "./audience.mjs"

const HUB = { type: "durable-object", storage: "sqlite" }
// What Linux counts time in.
const TICK_MILLISECONDS = 10

export class Service {
  #name
  #readers
  /** Miniflare, `url` and `pid` of each; the Worker's is the first. */
  #processes = []
  #n = 0

  /** @param readers processes that have some of its sockets each; other services may use them too */
  constructor(name, readers) {
    this.#name = name
    this.#readers = readers
  }

  /** @param folder of its own, which is there */
  async start(folder, manifest, hubCount, socketCount) {
    const names = Array.from({ length: hubCount }, (_, at) => `hub-${at}`)
    const bindings = names.map((name) => [
      name,
      { type: "durable-object", worker: name, exportName: "Hub" },
    ])
    await this.#run("worker", folder, { manifest, env: Object.fromEntries(bindings) })
    for (const [name, binding] of bindings) {
      const env = { NAME: { type: "text", value: name }, [name]: binding }
      await this.#run(name, folder, { manifest, env, exports: { Hub: HUB } })
    }
    const [worker, ...hubs] = this.#processes
    await put(worker.url, this.#n)
    const opened = this.#readers.map((reader, at) => {
      const url = `${hubs[at % hubCount].url.replace("http", "ws")}/live`
      return reader.open(this.#name, url, socketCount / this.#readers.length)
    })
    await Promise.all(opened)
  }

  /** All of a service find each other in its folder, and the first keeps the database of all. */
  async #run(name, folder, { manifest, env, exports }) {
    const before = children()
    const miniflare = new Miniflare({
      cf: false,
      logRequests: false,
      telemetry: { enabled: false },
      unsafeDevRegistryPath: join(folder, "registry"),
      unsafeEnableSharedStorage: true,
      resourcePersistencePath: join(folder, "shared"),
      isolatedResourcePersistencePath: join(folder, name),
      workers: [
        {
          config: {
            name,
            ...COMPATIBILITY,
            manifest,
            env: { DB: { type: "d1", id: "bench" }, KV: { type: "kv", id: "bench" }, ...env },
            exports,
          },
        },
      ],
    })
    const one = { miniflare, url: "", pid: undefined }
    this.#processes.push(one)
    one.url = (await miniflare.ready).origin
    one.pid = children().find((pid) => !before.includes(pid))
  }

  /** Milliseconds from a change until every socket has heard of it, and how much all have heard so far. */
  async round() {
    const last = Promise.all(this.#readers.map((reader) => reader.next(this.#name)))
    const start = performance.timeOrigin + performance.now()
    await put(this.#processes[0].url, ++this.#n)
    const all = await last
    const heard = all.reduce((sum, one) => sum + one.heard, 0)
    return { took: Math.max(...all.map(({ at }) => at)) - start, heard }
  }

  /** User and system time of each hub's process so far, in milliseconds; null where there is no /proc. */
  cpuTimes() {
    const hubs = this.#processes.slice(1)
    return hubs.every(({ pid }) => pid) ? hubs.map(({ pid }) => cpuTime(pid)) : null
  }

  /** By hub, how many milliseconds each of its pokes took so far. */
  turns() {
    const hubs = this.#processes.slice(1)
    return Promise.all(hubs.map(async ({ url }) => (await fetch(`${url}/bench/turns`)).json()))
  }

  async stop() {
    await Promise.allSettled(this.#processes.map(({ miniflare }) => miniflare.dispose()))
  }
}

/** A process of sockets, of several services. */
export class Reader {
  #child = fork(new URL("readers.mjs", import.meta.url))
  /** By service, who waits for what is told next. */
  #waiting = new Map()
  #ended = new Promise((_, reject) =>
    this.#child.once("exit", () => reject(new Error("A process of sockets ended"))),
  )

  constructor() {
    // Nobody may be waiting.
    this.#ended.catch(() => {})
    this.#child.on("message", (told) => this.#waiting.get(told.service)(told))
  }

  open(service, url, count) {
    this.#child.send({ service, url, count })
    return this.next(service)
  }

  next(service) {
    const told = new Promise((resolve) => this.#waiting.set(service, resolve))
    return Promise.race([told, this.#ended])
  }

  stop() {
    this.#child.kill()
  }
}

/** The processes that this one has started, where there is /proc. */
function children() {
  const path = `/proc/${process.pid}/task/${process.pid}/children`
  return existsSync(path) ? readFileSync(path, "utf8").split(" ").filter(Boolean) : []
}

function cpuTime(pid) {
  // Behind the command, which may have any characters.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ")
  return (Number(fields[11]) + Number(fields[12])) * TICK_MILLISECONDS
}
