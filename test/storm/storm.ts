/** One storm: followers on every mouth, writers, and troubles; in the end everybody must know what is so. */
import { connect, type Live } from "../../src/client/live.ts"
import { impatient, openClient } from "./client.ts"
import { openEvents } from "./events.ts"
import { openJournal } from "./journal.ts"
import { isPattern } from "../../src/protocol/pattern.ts"
import { concerns, type Entry } from "./ledger.ts"
import { BACK_MILLISECONDS, type Mouth, type OpenMouth, type Truth } from "./mouth.ts"
import { openPoll } from "./poll.ts"
import {
  planOf,
  stepText,
  type Following,
  type MouthName,
  type Plan,
  type Step,
  type Write,
} from "./plan.ts"
import type { Runtime } from "./runtime.ts"
import { openSocket } from "./socket.ts"
import { openSocketIo } from "./socketio.ts"
import { Wire } from "./wire.ts"

const OPEN: Record<MouthName, OpenMouth> = {
  client: openClient,
  socket: openSocket,
  events: openEvents,
  poll: openPoll,
  journal: openJournal,
  socketio: openSocketIo,
}

/** Nobody writes any more; whoever does not know by then what is so will never know. */
const SETTLE_MILLISECONDS = 10_000
const TOGETHER_MILLISECONDS = 10
/** Nothing else begins before these are over. */
const WAITED_FOR: readonly Step["kind"][] = ["restart", "save", "restore"]

/** Where the journal is. */
interface Place {
  epoch: string
  last: number
  /** Hubs that somebody follows something at. */
  listeners: number
}

export interface Outcome {
  faults: string[]
  /** What was done, and what became of it. */
  log: string[]
  changes: number
}

export async function storm(seed: number, runtime: Runtime): Promise<Outcome> {
  const run = new Storm(planOf(seed), runtime)
  try {
    return await run.rage()
  } finally {
    run.end()
  }
}

class Storm {
  readonly #plan: Plan
  readonly #runtime: Runtime
  readonly #log: string[] = []
  readonly #wires: Wire[] = []
  readonly #mouths = new Map<number, Mouth>()
  readonly #todos: string[] = []
  /** What was answered with success: revision → who. */
  #acknowledged: { revision: number; what: string }[] = []
  #saved: Place | undefined
  /** An epoch that must be over in the end. */
  #lostEpoch: string | undefined
  #writer: { wire: Wire; live: Live } | undefined
  #wake = () => {}

  constructor(plan: Plan, runtime: Runtime) {
    this.#plan = plan
    this.#runtime = runtime
    runtime.heard = (line) => this.#log.push(`    worker: ${line}`)
  }

  async rage(): Promise<Outcome> {
    const { seed, steps } = this.#plan
    await this.#runtime.control("weather")
    await this.#runtime.control("clear")
    await this.#runtime.control("weather", { seed: String(seed) })
    const wire = await this.#wire()
    const live = connect(wire.url, {
      firstDelayMilliseconds: BACK_MILLISECONDS,
      longestDelayMilliseconds: 8 * BACK_MILLISECONDS,
      open: impatient,
    })
    this.#writer = { wire, live }
    for (const _ of this.#plan.followers) await this.#wire()

    let running: Promise<void>[] = []
    for (const [at, step] of steps.entries()) {
      if (step.kind === "save" || step.kind === "restore") {
        await Promise.all(running)
        running = []
      }
      running.push(this.#take(at, step))
      // A writer's answer is seldom waited for, but not everything is asked for at once.
      if (step.isAlone || WAITED_FOR.includes(step.kind)) {
        await Promise.all(running)
        running = []
      }
    }
    await Promise.all(running)
    return this.#settle()
  }

  end(): void {
    for (const mouth of this.#mouths.values()) mouth.close()
    this.#writer?.live.close()
    for (const wire of this.#wires) wire.close()
  }

  async #wire(): Promise<Wire> {
    const wire = await Wire.open(() => Number(this.#runtime.url.port))
    this.#wires.push(wire)
    return wire
  }

  /** Does a step. What cannot be done (nothing there, name taken, line cut) is refused, and that is all. */
  async #take(at: number, step: Step): Promise<void> {
    const line = `${at} ${stepText(step)}`
    this.#log.push(line)
    try {
      const said = await this.#do(step)
      if (said !== undefined) this.#log.push(`  ${at} → ${said}`)
    } catch (error) {
      this.#log.push(`  ${at} → ${error instanceof Error ? error.message : error}`)
    }
  }

  async #do(step: Step): Promise<string | undefined> {
    switch (step.kind) {
      case "open":
        this.#open(step.follower)
        return
      case "rejoin":
        this.#mouths.get(step.follower)?.rejoin?.()
        return
      case "write":
        return this.#write(step)
      case "cut":
        this.#wires[step.follower + 1]?.cut()
        return
      case "cut writer":
        this.#writer?.wire.cut()
        return
      case "evict":
        await this.#runtime.evict(step.hub)
        return
      case "crash":
        await this.#runtime.control("crash", { name: step.hub })
        return
      case "restart":
        await this.#runtime.restart()
        await this.#runtime.control("weather", { seed: String(this.#plan.seed) })
        return
      case "tick":
        await this.#runtime.control("tick")
        return
      case "save":
        this.#saved = await this.#runtime.control<Place>("save")
        return
      case "restore":
        return this.#restore()
      case "trim":
        await this.#runtime.control("trim", { keep: String(step.keep) })
    }
  }

  async #restore(): Promise<string> {
    const saved = this.#saved
    if (!saved) throw new Error("Nothing was saved")
    // A restore goes back further than a hub is ever behind.
    await this.#runtime.control("tick")
    const { epoch, last, listeners } = await this.#runtime.control<Place>("place")
    await this.#runtime.control("restore")
    this.#acknowledged = this.#acknowledged.filter(({ revision }) => revision <= saved.last)
    // Where nobody follows anything, nobody knows what is lost.
    if (epoch === saved.epoch && last > saved.last && listeners > 0) this.#lostEpoch = epoch
    return `${epoch}.${last} back to ${saved.last}`
  }

  #open(follower: number): void {
    const following: Following = this.#plan.followers[follower] ?? { mouth: "journal", uris: [] }
    const { mouth } = following
    const url = this.#wires[follower + 1]?.url ?? ""
    const isRestored = this.#plan.steps.some(({ kind }) => kind === "restore")
    const heard = (line: string) => {
      this.#log.push(`    ${mouth} ${follower}: ${line}`)
      this.#wake()
    }
    this.#mouths.set(follower, OPEN[mouth]({ ...following, isRestored, url, heard }))
  }

  async #write(step: Write): Promise<string> {
    const uri = step.uri === "{todo}" ? (this.#todos.at(-1) ?? "/todo/none") : step.uri
    const what = `${step.method} ${uri}`
    if (step.mouth === "socket") {
      const live = this.#writer?.live as Live
      const verb = { POST: "create", PATCH: "patch", DELETE: "delete", PUT: "patch" } as const
      const { revision, member } = await live[verb[step.method]](uri, step.body)
      if (member?.startsWith("/todo/")) this.#todos.push(member)
      if (revision !== undefined) this.#acknowledged.push({ revision, what })
      return `${revision}`
    }
    const isBytes = step.type !== undefined
    const response = await fetch(this.#writer?.wire.url + uri, {
      method: step.method,
      headers: { "Content-Type": step.type ?? "application/json" },
      ...(step.body === undefined
        ? {}
        : { body: isBytes ? String(step.body) : JSON.stringify(step.body) }),
    })
    const text = await response.text()
    if (response.status >= 500 && response.status !== 503) {
      throw new Error(`${response.status} ${text.slice(0, 300)}`)
    }
    if (!response.ok) return `${response.status}`
    const location = response.headers.get("Location")
    if (location?.includes("/todo/")) this.#todos.push(new URL(location, "http://a").pathname)
    const revision = Number(response.headers.get("ETag")?.replaceAll(/\D/g, ""))
    if (revision > 0) this.#acknowledged.push({ revision, what })
    return `${response.status} ${revision}`
  }

  /** The weather is fine again. Everybody learns what is so, or there is a fault. */
  async #settle(): Promise<Outcome> {
    await this.#runtime.control("weather")
    // What a lost poke would have told of what expires.
    await this.#runtime.control("tick")
    await this.#expired()
    await this.#runtime.request(`/api/apps/s${this.#plan.seed}-end`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: '{"data":{}}',
    })
    const journal = await this.#journal()
    const truths = await this.#truths(journal)
    const deadline = Date.now() + SETTLE_MILLISECONDS
    for (;;) {
      const heard = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      const faults = this.#faults(truths, journal)
      const left = deadline - Date.now()
      if (faults.length === 0 || left <= 0) break
      await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, left))])
      // What comes together is looked at together.
      await new Promise((resolve) => setTimeout(resolve, TOGETHER_MILLISECONDS))
    }
    await Promise.all([...this.#mouths.values()].map((mouth) => mouth.flush?.()))
    const revisions = new Set(journal.map(({ revision }) => revision))
    const lost = this.#acknowledged
      .filter(({ revision }) => !revisions.has(revision))
      .map(({ revision, what }) => `${what} was acknowledged at ${revision}, which is not there`)
    const { epoch } = await this.#runtime.control<Place>("place")
    const stale = epoch === this.#lostEpoch ? ["The epoch is that of before the restore"] : []
    const faults = [...new Set([...lost, ...stale, ...this.#faults(truths, journal)])]
    return { faults, log: this.#log, changes: journal.length }
  }

  #faults(truths: ReadonlyMap<string, Truth>, journal: readonly Entry[]): string[] {
    return [...this.#mouths].flatMap(([follower, mouth]) => {
      const name = this.#plan.followers[follower]?.mouth
      return mouth
        .faults(truths, journal)
        .map((fault) => `follower ${follower} (${name}): ${fault}`)
    })
  }

  /** Waits for the keys that go by themselves. */
  async #expired(): Promise<void> {
    for (const uri of this.#plan.fleeting) {
      const live = connect(this.#runtime.url.href)
      const subscription = live.subscribe(uri)
      await subscription.ready
      if (subscription.value !== undefined) {
        for await (const { value } of subscription) if (value === undefined) break
      }
      live.close()
    }
  }

  async #journal(): Promise<Entry[]> {
    type Row = Omit<Entry, "told"> & { told: number }
    const rows = await this.#runtime.control<Row[]>("journal")
    return rows.map((row) => ({ ...row, told: row.told === 1 }))
  }

  async #truths(journal: readonly Entry[]): Promise<Map<string, Truth>> {
    const followed = this.#plan.followers.flatMap((following) => following.uris)
    const uris = new Set(followed.filter((uri) => !isPattern(uri)))
    uris.delete("/api/changes")
    // Of a pattern there is nothing to read but what matches it.
    for (const pattern of followed.filter(isPattern)) {
      const isConcerned = concerns(pattern)
      for (const { uri } of journal) if (isConcerned(uri)) uris.add(uri)
    }
    const truths = new Map<string, Truth>()
    for (const uri of uris) {
      // What is near the reader may be behind; copies are told what is committed.
      const response = await this.#runtime.request(uri, {
        headers: { "X-Consistency": "strong" },
      })
      const text = await response.text()
      if (!response.ok && response.status !== 404) throw new Error(`GET ${uri}: ${text}`)
      const etag = /^"(\d+)"$/.exec(response.headers.get("ETag") ?? "")?.[1]
      truths.set(uri, {
        value: response.ok ? JSON.parse(text) : undefined,
        revision: etag === undefined ? undefined : Number(etag),
      })
    }
    return truths
  }
}
