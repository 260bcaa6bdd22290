/** The WebSocket as a line of the table. What it speaks is in frames.ts. */
import { CLOSES, isReconnectable } from "./close.ts"
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"
import { PROBLEMS } from "./problem.ts"
import { problems } from "./shared.ts"

/** The table of close codes, as Markdown. */
function closeTable(): string {
  const own = Object.entries(CLOSES).map(([code, row]) => [Number(code), ...row] as const)
  const refused = Object.values(PROBLEMS).map(
    ([, code, title]) => [code, isReconnectable(code), "service", title] as const,
  )
  const rows = [...own, ...refused].toSorted(([one], [other]) => one - other)
  return [
    line(["code", "connect again", "sent by", "meaning"]),
    line(["---", "---", "---", "---"]),
    ...rows.map(([code, again, by, meaning]) => line([code, again ? "yes" : "no", by, meaning])),
  ].join("\n")
}

function line(cells: readonly unknown[]): string {
  return `| ${cells.join(" | ")} |`
}

const description = `Frames are JSON text; every command gets one reply. After a lost connection one \`resume\`
goes on with all that was followed.

A socket that cannot be opened is opened, told why by a reply without an id, and closed. The codes:

${closeTable()}

A reason may end in \`; retry_after_ms=1730\`: the time to wait before connecting again, another for each client.`

export const liveEndpoints = {
  "live.connect": {
    method: "GET",
    path: "/live",
    verb: "call",
    tag: "live",
    // Refused by the handler: a page never sees how an upgrade failed, so it must succeed to say so.
    open: true,
    upgrades: true,
    summary: "Open a WebSocket: subscribe to any URI, and create, patch and delete",
    description,
    query: z.looseObject({
      acks: z.literal("1").optional().meta({
        description:
          'The client sends every `{"event":"ack","mark":…}` back as it is. When it is far behind, changes wait for it and come together; when too much waits, it is told everything anew (`reset`) as soon as it has caught up. Without this nothing is known of how fast it reads: all is sent at once, and the socket is closed (4002) when that is 16 MB, or up to a quarter less',
      }),
    }),
    replies: { 101: { description: "The socket is open" }, ...problems(426) },
  },
} as const satisfies Record<string, Endpoint>
