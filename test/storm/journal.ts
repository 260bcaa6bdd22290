/** The journal itself as an event stream: every change there was, each once, in order. */
import { parsePosition } from "../../src/protocol/change.ts"
import type { OpenMouth } from "./mouth.ts"
import { follow } from "./stream.ts"

export const openJournal: OpenMouth = ({ url, heard, isRestored = false }) => {
  const failures: string[] = []
  /** A gap is one where the stream said that it cannot tell. */
  const told: { revision: number; uri: string; event: string }[] = []
  const gaps: { after: number; to: number }[] = []
  let begun: number | undefined
  let era: string | undefined
  let last = 0
  const close = follow({
    url: `${url}/api/changes`,
    opened: () => {},
    refused: (status, text) => {
      if (status < 500) failures.push(`${status} ${text}`)
    },
    heard: ({ id, data }) => {
      const { epoch, revision } = parsePosition(id ?? "") ?? { epoch: "", revision: 0 }
      const change = data === undefined ? undefined : JSON.parse(data)
      // In another epoch revisions are given out again; a reset may tell of the restore before the epoch does.
      const isReset = change !== undefined && change.uri === undefined
      if (epoch !== era || (isReset && isRestored)) {
        begun = undefined
        told.length = 0
        gaps.length = 0
        era = epoch
      }
      if (begun === undefined) {
        begun = change === undefined || isReset ? revision : revision - 1
        last = begun
      }
      if (isReset) gaps.push({ after: last, to: revision })
      else if (change) told.push(change)
      last = Math.max(last, revision)
      heard(`${id} ${change?.event} ${change?.uri}`)
    },
  })
  return {
    faults: (_truths, journal) => {
      const start = begun
      if (start === undefined) return ["the journal was never heard"]
      const expected = journal.filter(
        ({ revision }) =>
          revision > start && !gaps.some(({ after, to }) => revision > after && revision <= to),
      )
      const line = (one: { revision: number; uri: string; event: string } | undefined) =>
        one === undefined ? "nothing" : `${one.revision} ${one.event} ${one.uri}`
      const longest = Math.max(expected.length, told.length)
      for (let at = 0; at < longest; at++) {
        if (line(told[at]) === line(expected[at])) continue
        return [...failures, `heard ${line(told[at])} in the place of ${line(expected[at])}`]
      }
      return failures
    },
    close,
  }
}
