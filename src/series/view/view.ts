/** How those who watch a query of a series are told of its changes. Pure. */
import { isCopied, type View } from "../../protocol/view.ts"
import { askedOf } from "./ask.ts"
import { rememberBuckets, tellBuckets } from "./buckets.ts"
import { differCopy, isCopyTouched, rememberCopy, type Copy } from "./copy.ts"
import { readTold } from "./patch.ts"
import { tellRaw, type RawMemory } from "./raw.ts"
import { outlineOf } from "./shown.ts"

export const seriesView: View = {
  remember: ({ json }, { query }) => {
    const asked = askedOf(query)
    if (!asked) return undefined
    if (asked.means === "copy") return rememberCopy(json, asked)
    if (asked.means === "buckets") return rememberBuckets(json, asked, query)
    return { columns: outlineOf(json, asked.isTurned).columns } satisfies RawMemory
  },

  tell: (change, desk) => {
    const asked = askedOf(desk.query)
    if (change.event === "delete") return { frames: [{ event: "delete" }], memory: undefined }
    if (!asked || change.event !== "patch") return "state"
    if (asked.means === "buckets") return tellBuckets(asked, desk)
    if (change.body === null) return "state"
    if (asked.means === "rows") return tellRaw(asked, readTold(change.body), change.at, desk)
    if (!isCopied(desk.memory)) return "state"
    const copy = desk.memory.copy as Copy
    const isTouched = isCopyTouched(asked, readTold(change.body), change.at, copy)
    return isTouched ? "state" : { frames: [] }
  },

  differ: (shown, desk) => {
    const asked = askedOf(desk.query)
    if (!asked) return "state"
    const told = differCopy(shown.json, asked, desk)
    if (asked.means === "copy" || typeof told === "string") return told
    return { ...told, memory: rememberBuckets(shown.json, asked, desk.query) }
  },
}
