/** Views of series and documents beyond those of every storm, and the writes that make them move. Pure. */
import { tidied } from "../../src/live/uris.ts"
import { chance } from "./chance.ts"
import type { Following, Plan, Step, Write } from "./plan.ts"

/** None names a column: where the series has no such column, nobody can follow it. */
const SERIES_VIEWS = [
  "start=2015-01-03&end=2015-01-06",
  "start=2015-01-03&orient=split",
  "start=now-1000w",
  "every=1d",
  "every=1d&agg=mean,max",
  "every=1d&agg=count",
  "every=1d&agg=max,count&orient=split",
  "every=12h&agg=last&closed=right&label=right",
  "every=1d&agg=sum&start=2015-01-02T03:00&end=2015-01-07T07:00",
  "every=1d&fill=0",
  "every=1d&fill=null",
  "every=1d&fill=previous",
  "every=1d&fill=linear",
  "every=1d&fill=previous&start=2015-01-03",
  "every=1d&fill=null&end=2015-01-06",
  "latest=2",
  "limit=3&order=desc",
  "max_points=4",
]

/** Chosen by chance of its own, so that what a seed was without it stays the same. */
export function withViews({ seed, followers, steps, fleeting }: Plan): Plan {
  const random = chance(seed ^ 0x2c1b3c6d)
  const pick = <Item>(items: readonly Item[]) => items[random(items.length)] as Item
  const folder = `s${seed}`
  const list = `/api/apps/?prefix=${folder}`
  const filtered = `${list}&where=data.n%20gt%203`
  const series = (name = pick(["x", "x", "y"])) => `/api/store/${folder}/${name}`
  const app = (name = pick(["a", "b", "c"])) => `/api/apps/${folder}-${name}`
  const lists = [
    list,
    filtered,
    `${filtered}&sort=name&fields=*`,
    `${filtered}&sort=created`,
    `${filtered}&sort=-data.n`,
    `${list}&fields=name,data.n`,
    `${list}&fields=created,name&sort=created`,
    `${list}&limit=2`,
    `${app("a")}/data/deep/a`,
    `/api/store/?prefix=${folder}`,
    `/api/store/${folder}/?prefix=x`,
  ]
  const view = () => tidied(random(2) === 0 ? pick(lists) : `${series()}?${pick(SERIES_VIEWS)}`)
  const some = (least: number, more: number) => [
    ...new Set(Array.from({ length: least + random(more) }, view)),
  ]

  const insert = (step: Step) => void steps.splice(random(steps.length), 0, step)
  const added: Following[] = [
    { mouth: "client", uris: some(4, 5) },
    { mouth: pick(["client", "socket"]), uris: some(2, 4) },
    { mouth: pick(["events", "poll", "socketio"]), uris: some(2, 2) },
  ]
  for (const following of added) {
    const follower = followers.push(following) - 1
    insert({ kind: "open", follower })
    for (let cuts = random(3); cuts > 0; cuts--) insert({ kind: "cut", follower })
    if (random(3) === 0) insert({ kind: "rejoin", follower })
  }

  const write = (method: Write["method"], uri: string, body?: unknown): Write => ({
    kind: "write",
    mouth: "http",
    method,
    uri,
    ...(body === undefined ? {} : { body }),
  })
  const stamp = (days = 9) => `2015-01-0${1 + random(days)}T${pick(["00", "06", "13"])}:00:00`
  const span = () => [stamp(), stamp()].toSorted()
  const rows = (column: string, count: number, value = () => random(99) / 4) => {
    const index = [...new Set(Array.from({ length: count }, () => stamp()))]
    return { rows: { columns: [column], index, data: index.map(() => [value()]) } }
  }
  const writes: (() => Write)[] = [
    () => write("PATCH", series(), rows(pick(["v", "v", "w"]), 1)),
    () => write("PATCH", series(), rows("v", 3)),
    () => write("PATCH", series(), rows(pick(["u", "t"]), 1)),
    () => write("PATCH", series(), { removed: [span()] }),
    () => write("PATCH", series(), { removed: [span(), span()], ...rows("v", 2) }),
    () => write("PUT", `${series()}?mode=replace`, { v: { [stamp()]: 1, [stamp()]: 2 } }),
    () => write("PUT", `${series()}?mode=append`, { v: { [stamp()]: random(9) } }),
    () => write("DELETE", series()),
    () => write("PATCH", `/api/store/${folder}/`, { retention: pick(["4d", null]) }),
    () => write("PUT", app(), { data: { n: random(8) } }),
    () => write("PATCH", app(), { data: { n: random(8) } }),
    () => write("PATCH", app(), { data: { n: random(8), deep: { a: pick([null, 1, 2]) } } }),
    () => write("DELETE", app()),
  ]
  for (let count = 10 + random(10); count > 0; count--) insert(pick(writes)())
  if (random(10) === 0) {
    const uri = app("fleeting")
    fleeting.push(uri)
    const body = { data: { n: 5 } }
    steps.splice(random(steps.length / 2), 0, write("PUT", `${uri}?expire_in=1`, body))
  }
  return { seed, followers, steps, fleeting }
}
