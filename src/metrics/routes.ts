/**
 * Figures that are true whoever answers: they are read where they are kept, in the journal and in the hub. What an
 * isolate counts by itself would be a different number in each.
 */
import type { Feed } from "../feed/feed.ts"
import type { Handlers } from "../protocol/endpoint.ts"
import type { metricEndpoints } from "../protocol/metrics.ts"
import { CONTENT_TYPE, formatMetrics } from "./text.ts"

/** What the hubs hold together. */
export interface HubStats {
  /** Those with subscribers. */
  hubs: number
  sockets: number
  subscriptions: number
}

interface Services {
  feed: Feed
  hubStats: () => Promise<HubStats>
}

export const metricHandlers: Handlers<typeof metricEndpoints, Services> = {
  "metrics.get": async (_call, { feed, hubStats }) => {
    const [{ first, last }, { hubs, sockets, subscriptions }] = await Promise.all([
      feed.bounds(),
      hubStats(),
    ])
    const text = formatMetrics([
      {
        name: "tidemark_changes_total",
        help: "Changes ever committed: the newest revision",
        type: "counter",
        value: last,
      },
      {
        name: "tidemark_journal_changes",
        help: "Changes that the journal keeps, from which subscribers can resume",
        type: "gauge",
        value: Math.max(0, last - first + 1),
      },
      {
        name: "tidemark_hubs",
        help: "Hubs that have subscribers: each commit makes as many calls",
        type: "gauge",
        value: hubs,
      },
      { name: "tidemark_sockets", help: "Open WebSockets", type: "gauge", value: sockets },
      {
        name: "tidemark_subscriptions",
        help: "URIs that the open sockets watch, counted per socket",
        type: "gauge",
        value: subscriptions,
      },
    ])
    return { text, headers: { "Content-Type": CONTENT_TYPE, "Cache-Control": "no-store" } }
  },
}
