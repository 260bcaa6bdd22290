/** Copies of views under random writes are what GET answers. */
import { describe, expect, it } from "vitest"
import { send } from "./helpers.ts"
import { chance, evict, open, settled, sockets } from "./live.world.ts"

const day = (n: number, time = "00:00:00") => `2015-01-${String(n).padStart(2, "0")}T${time}.000`

const viewsOf = (reference: string) => {
  const series = `/api/store/${reference}/s`
  const apps = `/api/apps/?prefix=${reference}`
  const filtered = `${apps}&where=data.n%20gt%203`
  return [
    `${series}?start=2015-01-03&end=2015-01-06`,
    `${series}?columns=v&start=2015-01-03&orient=split`,
    `${series}?start=now-1000w`,
    `${series}?every=1d`,
    `${series}?every=1d&agg=mean,max`,
    `${series}?every=1d&agg=count`,
    `${series}?every=1d&agg=v:max,v:count&orient=split`,
    `${series}?every=12h&agg=last&closed=right&label=right`,
    `${series}?every=1d&agg=sum&start=2015-01-02T03:00&end=2015-01-07T07:00`,
    ...["0", "null", "previous", "linear"].map((fill) => `${series}?every=1d&fill=${fill}`),
    `${series}?every=1d&fill=previous&start=2015-01-03`,
    `${series}?every=1d&fill=null&end=2015-01-06`,
    `${series}?every=1d&fill=linear&agg=sum&start=2015-01-04`,
    `${series}?columns=v&every=1d&fill=linear`,
    `${series}?columns=v&every=6h&fill=linear&agg=last&tz=&start=2015-01-02`,
    `${series}?every=1d&fill=previous&end=2015-01-06`,
    `${series}?every=1d&fill=0&order=desc&orient=split`,
    `${series}?latest=2`,
    `${series}?latest=3&order=desc&orient=split`,
    `${series}?limit=3`,
    `${series}?limit=3&order=desc&orient=split`,
    `${series}?limit=2&start=2015-01-04`,
    `${series}?order=desc&orient=split`,
    `${series}?date_format=epoch&latest=4`,
    `${series}?end=now&columns=v`,
    // Told by whole states.
    ...["records", "values", "index", "table"].map((orient) => `${series}?orient=${orient}`),
    `${series}?orient=records&latest=2&order=desc`,
    `${series}?orient=values&every=1d&agg=max`,
    `${series}?orient=table&start=2015-01-03&columns=v`,
    `${series}?since=1`,
    `${series}?since=1&orient=split&start=2015-01-04`,
    `${series}?format=csv`,
    `${series}?format=ndjson&columns=v`,
    `${series}?every=1d&limit=3`,
    `${series}?every=12h&latest=3&agg=count`,
    `${series}?every=1d&order=desc&orient=split`,
    `${series}?max_points=4&on=v`,
    `${series}?max_points=5&downsample=minmax&on=v&orient=split`,
    `${series}?every=12h&max_points=3&downsample=m4&on=v`,
    `/api/store/${reference}/`,
    `/api/store/${reference}/?latest=1`,
    `/api/store/${reference}/?limit=2`,
    `/api/store/?prefix=${reference}`,
    `/api/store/?limit=1&prefix=${reference}`,
    `/keys/?filter=${reference}$a`,
    `/keys/?keys_only=1&match=${reference}*`,
    `/keys/?limit=2&match=${reference}*`,
    `/keys/?keys_only=1&limit=1&match=${reference}*`,
    filtered,
    `${filtered}&sort=name&fields=*`,
    `${filtered}&sort=-data.n`,
    `${filtered}&sort=-created&fields=name,data.n`,
    `${apps}&sort=-data.n,name&fields=name,data&limit=3`,
    `${apps}&limit=2`,
    `${apps}&limit=2&sort=-name&fields=*`,
    `${apps}&fields=data.n`,
    `${filtered}&fields=data`,
    `${apps}&fields=data.n&sort=-data.n&limit=2`,
    `${apps}&count=1&sort=name`,
    `${apps}&fields=name,data.n`,
  ]
}

const MOST_READERS = 4

describe("copies of views under random writes", () => {
  for (const seed of [1, 2, 3, 4]) {
    it(`are what GET answers (seed ${seed})`, async () => {
      const random = chance(seed)
      const pick = <Item>(items: readonly Item[]) => items[random(items.length)] as Item
      const reference = `vr${seed}x`
      const series = `/api/store/${reference}/s`
      const app = () => `/api/apps/${reference}-${random(6)}`
      const stamp = () => day(1 + random(9), `${pick(["00", "06", "13"])}:00:00`)
      const patch = (column: string, index: string[], value: number | null = random(99) / 4) =>
        send(`PATCH ${series}`, {
          rows: { columns: [column], index, data: index.map(() => [value]) },
        })
      await send(`PUT ${series}`, { v: { [day(2)]: 1 }, w: { [day(2)]: 1 } })
      const reader = open()
      const told: Record<string, number> = {}
      const views = viewsOf(reference).filter((_, at) => at % 2 === seed % 2)
      const readers = [reader]
      const held = views.map((uri) =>
        reader.subscribe(uri, ({ frame }) => {
          if (frame) told[frame.event] = (told[frame.event] ?? 0) + 1
        }),
      )
      await Promise.all(held.map(({ ready }) => ready))
      const seldom = (act: () => Promise<unknown> | unknown) => async () =>
        random(6) === 0 ? act() : undefined
      const acts: (() => Promise<unknown>)[] = [
        () => patch(pick(["v", "v", "w"]), [stamp()]),
        () => patch("v", [stamp(), stamp()]),
        () => patch("v", [day(10 + random(15))]),
        () => send(`PUT ${series}`, { v: { [stamp()]: random(9), [stamp()]: random(9) } }),
        () => send(`PATCH ${series}`, { removed: [[stamp(), day(3 + random(12))].sort()] }),
        () => patch(pick(["x", "y"]), [stamp()], null),
        seldom(() => send(`PUT ${series}?mode=replace`, { v: { [stamp()]: 1 } })),
        seldom(() => send(`DELETE ${series}`)),
        seldom(() => evict()),
        // Somebody comes late, and is told the same from then on.
        async () => {
          if (readers.length > MOST_READERS) return
          const late = open()
          readers.push(late)
          const some = [pick(views), pick(views), pick(views)].map((uri) => late.subscribe(uri))
          held.push(...some)
          await Promise.all(some.map(({ ready }) => ready))
        },
        seldom(() => sockets.at(-1)?.close(4000)),
        () => send(`PUT /keys?${reference}${pick(["xa", "yb", "za"])}=${random(9)}`),
        () => send(`DELETE /keys/${reference}xa`),
        () => send(`PUT ${app()}`, { data: { n: random(8) } }),
        () => send(`PATCH ${app()}`, { data: { n: random(8) } }),
        () => send(`DELETE ${app()}`),
      ]
      for (let step = 0; step < 30; step++) {
        const some = Array.from({ length: 1 + random(3) }, () => pick(acts)().catch(() => {}))
        await Promise.all(some)
        if (random(3) > 0) continue
        await settled(...readers)
        for (const { uri, value } of held) {
          const { status, json, text } = await send(`GET ${uri}`)
          const answer = status === 200 ? (json ?? text) : undefined
          expect([step, uri, value]).toEqual([step, uri, answer])
        }
      }
      expect(told["patch"]).toBeGreaterThan(10)
      for (const one of readers) one.close()
    })
  }
})
