/** How those who watch a query of a series are told of its changes. Pure. */
import type { View } from "../../protocol/view.ts"
import { askedOf } from "./ask.ts"
import { rememberBuckets, tellBuckets } from "./buckets.ts"
import { readTold } from "./patch.ts"
import { tellRaw, type RawMemory } from "./raw.ts"

export const seriesView: View = {
  remember: ({ json }, { query }) => {
    const asked = askedOf(query)
    if (!asked) return undefined
    const shown = JSON.parse(json) as Shown
    if (asked.every) return rememberBuckets(labelsOf(shown), columnsOf(shown))
    return { columns: columnsOf(shown) } satisfies RawMemory
  },

  tell: (change, desk) => {
    const asked = askedOf(desk.query)
    if (change.event === "delete") return { frames: [{ event: "delete" }], memory: undefined }
    if (!asked || change.event !== "patch") return "state"
    if (asked.every) return tellBuckets(asked, desk)
    return change.body === null ? "state" : tellRaw(asked, readTold(change.body), change.at, desk)
  },
}

/** Orient split, or columns. */
type Shown =
  | { columns: string[]; index: (string | number)[]; data: unknown[] }
  | Record<string, Record<string, unknown>>

function isSplit(shown: Shown): shown is Extract<Shown, { columns: string[] }> {
  return Array.isArray(shown["columns"])
}

function columnsOf(shown: Shown): string[] {
  return isSplit(shown) ? shown.columns : Object.keys(shown)
}

function labelsOf(shown: Shown): (string | number)[] {
  return isSplit(shown) ? shown.index : Object.keys(Object.values(shown)[0] ?? {})
}
