/** Long polls, one after the other for each topic: what was answered last is what GET answers. */
import { isDeepStrictEqual } from "node:util"
import { parsePosition } from "../../src/protocol/change.ts"
import { BACK_MILLISECONDS, show, type OpenMouth } from "./mouth.ts"

const WAIT_SECONDS = 20

export const openPoll: OpenMouth = ({ url, uris, heard }) => {
  const failures: string[] = []
  const end = new AbortController()

  const topics = uris.map((uri) => {
    const copy = { uri, value: undefined as unknown, known: false }
    let since = "0"

    async function once(): Promise<void> {
      const query = new URLSearchParams({ wait: String(WAIT_SECONDS), since })
      const asked = `${url}${uri}${uri.includes("?") ? "&" : "?"}${query}`
      const response = await fetch(asked, { signal: end.signal })
      const text = await response.text()
      const place = response.headers.get("Last-Event-ID")
      if (response.status >= 500) return
      if (place === null || ![200, 304, 404].includes(response.status)) {
        failures.push(`${uri} since ${since}: ${response.status} at ${place}, ${text.slice(0, 200)}`)
        return
      }
      const [from, to] = [parsePosition(since), parsePosition(place)]
      if (from && to && from.epoch === to.epoch && to.revision < from.revision) {
        failures.push(`${uri}: a poll went back from ${since} to ${place}`)
      }
      since = place
      if (response.status === 304) return
      copy.known = true
      copy.value = response.status === 404 ? undefined : (JSON.parse(text) as unknown)
      heard()
    }

    void (async () => {
      while (!end.signal.aborted) {
        await once().catch(() => new Promise((resolve) => setTimeout(resolve, BACK_MILLISECONDS)))
      }
    })()
    return copy
  })

  return {
    faults: (truths) => {
      const wrong = topics.flatMap(({ uri, value, known }) => {
        const truth = truths.get(uri)
        // Of what never was, nothing is ever answered.
        if (!known && truth?.value === undefined) return []
        if (isDeepStrictEqual(value, truth?.value)) return []
        return [`${uri} is ${show(truth?.value)}, by polls ${show(value)}`]
      })
      return [...failures, ...wrong]
    },
    close: () => end.abort(),
  }
}
