/** What a storm does, all of it chosen by its seed. Pure: the same seed is the same plan. */
import { chance } from "./chance.ts"
import { withViews } from "./views.ts"

/** A request; its path may hold `{todo}`, which becomes some to-do that exists then. */
export interface Write {
  kind: "write"
  /** "socket" writes go through a live client's socket where a socket has such a command. */
  mouth: "http" | "socket"
  method: "PUT" | "PATCH" | "POST" | "DELETE"
  uri: string
  body?: unknown
  type?: string
}

export type Trouble =
  | { kind: "cut"; follower: number }
  | { kind: "cut writer" | "restart" | "tick" }
  | { kind: "evict" | "crash"; hub: string }
  | { kind: "trim"; keep: number }
  /** The database is put back to what it was at `save`. */
  | { kind: "save" | "restore" }

/** A follower comes, or leaves one of its topics for a moment. */
export type Coming = { kind: "open"; follower: number } | { kind: "rejoin"; follower: number }

/** `isAlone`: all before it has ended when it begins. */
export type Step = (Write | Trouble | Coming) & { isAlone?: true }

export const MOUTHS = ["client", "socket", "events", "poll", "journal", "socketio"] as const
export type MouthName = (typeof MOUTHS)[number]

export interface Following {
  mouth: MouthName
  uris: string[]
  resumes?: boolean
  polls?: boolean
}

export interface Plan {
  seed: number
  followers: Following[]
  steps: Step[]
  /** Keys that expire by themselves before the storm is over. */
  fleeting: string[]
}

/** As many as the storm's Worker has. */
const HUBS = ["hub-0", "hub-1"]
const NAMES = ["a", "b", "ü x"]
const STEPS = 44
const LARGE = "x".repeat(70_000)

/** The storm of a seed. Its resources carry the seed in their names, but for those in lists that all share. */
export function planOf(seed: number): Plan {
  const random = chance(seed)
  const pick = <Item>(items: readonly Item[]) => items[random(items.length)] as Item
  const folder = `s${seed}`
  const app = (name = pick(NAMES)) => `/api/apps/${encodeURIComponent(`${folder}-${name}`)}`
  const key = (name = pick(["k", "é"])) => `/keys/${encodeURIComponent(folder + name)}`
  const series = (name = pick(["x", "y"])) => `/api/store/${folder}/${name}`
  const fleeting: string[] = []

  const items = [...NAMES.map(app), key("k"), key("é"), series("x"), series("y")]
  const lists = ["/api/apps/", "/todo/", "/keys/"]
  // As the service writes them: whoever hears of them only by events knows no other name.
  const views = [
    `${app("a")}/data/deep`,
    `${app("b")}?fields=name`,
    "/api/apps/?where=data.n+gt+4",
    `/keys/?filter=${folder}`,
    `${series("x")}?end=2015-01-05&orient=split&start=2015-01-02`,
    `${series("x")}?agg=sum&every=2d`,
    "/api/store/",
    `/api/store/${folder}/`,
    `/api/store/${folder}/?latest=1`,
  ]
  const topics = [...items, ...lists, ...views]

  const day = () => `2015-01-0${1 + random(8)}`
  const data = () =>
    pick([
      { n: random(9) },
      { n: random(9), deep: { a: random(9), b: [1, { c: null }] } },
      { n: null, deep: { a: null } },
      { deep: random(9) },
      { [`p${random(9)}`]: random(99) },
    ])
  const write = (method: Write["method"], uri: string, body?: unknown, type?: string): Write => ({
    kind: "write",
    mouth: "http",
    method,
    uri,
    ...(body === undefined ? {} : { body }),
    ...(type === undefined ? {} : { type }),
  })
  const spoken = (method: Write["method"], uri: string, body?: unknown): Write => ({
    ...write(method, uri, body),
    mouth: "socket",
  })
  const rows = () => ({ columns: [pick(["v", "w"])], index: [day()], data: [[random(99)]] })
  const writes: (() => Write)[] = [
    () => write("PUT", app(), { data: data() }),
    () => write("PATCH", app(), { data: data() }),
    () => write("PATCH", app(), { data: data() }),
    () => spoken("PATCH", app(), { data: data() }),
    () => spoken("PATCH", app(), { data: data() }),
    () => write("DELETE", app()),
    () => spoken("DELETE", app()),
    () => write("PUT", app(), { data: { text: LARGE, n: random(9) } }),
    () => write("PATCH", app(), { data: { text: LARGE.slice(random(9)) } }),
    () => write("PUT", `${app()}/data/deep`, random(9)),
    () => write("POST", "/todo/", { text: `t${random(99)}` }),
    () => spoken("POST", "/todo/", { text: `t${random(99)}` }),
    () => spoken("PATCH", "{todo}", { completed: random(2) === 0 }),
    () => write("PATCH", "{todo}", { text: `t${random(99)}` }),
    () => spoken("DELETE", "{todo}"),
    () => write("PUT", key(), { v: random(9) }),
    () => write("PUT", key(), "b".repeat(random(9)), "image/x"),
    () => write("PUT", `/keys?${encodeURIComponent(`${folder}k`)}=${random(9)}`),
    () => write("POST", `${key()}/inc?by=0.1`),
    () => write("PATCH", key(), { expire_in: 1_000 + random(9) }),
    () => write("DELETE", key()),
    () => spoken("POST", "/keys/", { name: `${folder}k`, value: "v" }),
    () => write("PUT", series(), { v: { [day()]: random(9) / 4, [day()]: random(9) } }),
    () => write("PUT", series(), { w: { [day()]: random(9) + 0.5 } }),
    () => spoken("PATCH", series(), { removed: [[day(), "2015-01-05"]], rows: rows() }),
    () => spoken("PATCH", series(), { rows: rows() }),
    () => write("DELETE", series()),
    () => {
      const [one, two] = [app("a"), app("b")]
      const operations = [
        { method: "PUT", uri: one, body: { data: data() } },
        { method: "PUT", uri: two, body: { data: data() } },
        { method: "PATCH", uri: one, body: { data: data() } },
      ]
      return write("POST", "/api/batch", { operations })
    },
  ]

  /** A few topics; items and their list often together, which is where a change must not come twice. */
  const some = () => {
    const chosen = new Set(random(2) === 0 ? [pick(items), pick(lists)] : [])
    for (let count = 2 + random(5); count > 0; count--) chosen.add(pick(topics))
    return [...chosen]
  }
  const following = (mouth: MouthName): Following => ({
    mouth,
    uris: mouth === "journal" ? ["/api/changes"] : mouth === "poll" ? some().slice(0, 3) : some(),
  })
  const followers: Following[] = [
    ...MOUTHS.slice(0, 5).map(following),
    ...Array.from({ length: 2 + random(3) }, () => following(pick(MOUTHS.slice(0, 4)))),
    { mouth: "client", uris: topics },
  ]

  const troubles: (() => Trouble)[] = [
    () => ({ kind: "cut", follower: random(followers.length) }),
    () => ({ kind: "cut", follower: random(followers.length) }),
    () => ({ kind: "cut", follower: random(followers.length) }),
    () => ({ kind: "evict", hub: pick(HUBS) }),
    () => ({ kind: "evict", hub: pick(HUBS) }),
    () => ({ kind: "cut writer" }),
    () => ({ kind: "crash", hub: pick(HUBS) }),
    () => ({ kind: "trim", keep: random(30) }),
    () => ({ kind: "tick" }),
    () => ({ kind: "evict", hub: pick(HUBS) }),
  ]

  const steps: Step[] = []
  const opened = new Set<number>()
  const restartAt = random(4) === 0 ? 10 + random(STEPS - 15) : -1
  for (let at = 0; at < STEPS; at++) {
    const isAlone = random(4) === 0 ? { isAlone: true as const } : {}
    // Most are there early; some come in the middle of it.
    for (const follower of followers.keys()) {
      if (opened.has(follower) || random(at < 6 ? 4 : 12) > 0) continue
      opened.add(follower)
      steps.push({ kind: "open", follower })
    }
    const isTrouble = random(5) === 0
    const act = isTrouble ? pick(troubles)() : pick(writes)()
    steps.push({ ...act, ...isAlone })
    if (random(12) === 0) steps.push({ kind: "rejoin", follower: random(followers.length) })
    if (at === restartAt) steps.push({ kind: "restart" })
  }
  for (const follower of followers.keys()) {
    if (!opened.has(follower)) steps.push({ kind: "open", follower })
  }
  if (random(8) === 0) {
    const uri = key("fleeting")
    fleeting.push(uri)
    const at = random(steps.length / 2)
    steps.splice(at, 0, write("PUT", `${uri}?expire_in=2&warn=1`, { v: 1 }))
  }
  return withViews(widened({ seed, followers, steps, fleeting }, topics))
}

/** More of it, chosen by chance of its own, so that what a seed was without it stays the same. */
function widened({ seed, followers, steps, fleeting }: Plan, topics: readonly string[]): Plan {
  const random = chance(seed ^ 0x5bd1e995)
  const some = <Item>(items: readonly Item[], most: number) => {
    const chosen = new Set<Item>()
    for (let count = 1 + random(most); count > 0; count--) {
      chosen.add(items[random(items.length)] as Item)
    }
    return [...chosen]
  }
  const folder = `s${seed}`
  const patterns = ["/api/**", `/api/store/${folder}/*`, `/keys/${folder}*`, "/todo/*", "/**"]
  const insert = (step: Step) => void steps.splice(random(steps.length), 0, step)
  const added: Following[] = [
    { mouth: "socketio", uris: [...some(topics, 5), ...some(patterns, 1).slice(random(2))] },
    { mouth: "socket", uris: [...some(patterns, 2), ...some(topics, 3)] },
  ]
  if (random(3) === 0) added.push({ mouth: "client", uris: [...some(topics, 3), ...patterns] })
  for (const following of added) {
    const follower = followers.push(following) - 1
    insert({ kind: "open", follower })
    for (let cuts = random(3); cuts > 0; cuts--) insert({ kind: "cut", follower })
    if (random(3) === 0) insert({ kind: "rejoin", follower })
  }
  for (const following of followers) {
    if (following.mouth === "socket") following.resumes = random(3) > 0
    if (following.mouth === "socketio") following.polls = random(3) === 0
  }
  if (random(10) === 0) {
    const saved = 5 + random(steps.length - 15)
    steps.splice(saved + 1 + random(steps.length - saved - 1), 0, { kind: "restore" })
    steps.splice(saved, 0, { kind: "save" })
  }
  return { seed, followers, steps, fleeting }
}

/** A step as a line of the log. */
export function stepText(step: Step): string {
  const { kind, ...rest } = step
  const text = JSON.stringify(rest, (_, value: unknown) =>
    typeof value === "string" && value.length > 100 ? `${value.slice(0, 20)}…` : value,
  )
  return `${kind} ${text}`
}
