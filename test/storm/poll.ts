/** Long polls, one after the other for each topic: what was answered last is what GET answers. */
import { isDeepStrictEqual } from "node:util"
import { BACK_MILLISECONDS, show, type OpenMouth } from "./mouth.ts"

const WAIT_SECONDS = 20

export const openPoll: OpenMouth = ({ url, uris, heard }) => {
  const failures: string[] = []
  const end = new AbortController()

  const topics = uris.map((uri) => {
    const copy = {
      uri,
      value: undefined as unknown,
      revision: 0,
      known: false,
      /** A database that was put back answers so before anybody has noticed, who then gives it an epoch of its own. */
      backward: [] as string[],
    }
    // The first is answered at once, and says where to go on from.
    let since: string | undefined

    async function once(): Promise<void> {
      const query = new URLSearchParams({ wait: String(WAIT_SECONDS) })
      if (since !== undefined) query.set("since", since)
      const asked = `${url}${uri}${uri.includes("?") ? "&" : "?"}${query}`
      const response = await fetch(asked, { signal: end.signal })
      const text = await response.text()
      const next = response.headers.get("Last-Event-ID")
      if (next === null || ![200, 304, 404].includes(response.status)) {
        if (response.status < 500)
          failures.push(`${uri} since ${since}: ${response.status} ${text}`)
        throw new Error("Asked again after a while")
      }
      if (next.split(".")[0] !== since?.split(".")[0]) {
        copy.revision = 0
        copy.backward = []
      }
      const revision = Number(response.headers.get("ETag")?.replaceAll('"', ""))
      if (revision < copy.revision) {
        copy.backward.push(`${uri}: a poll answered ${revision} after ${copy.revision}`)
      }
      copy.revision = revision || copy.revision
      since = next
      if (response.status === 304) return
      copy.known = true
      copy.value = response.status === 404 ? undefined : (JSON.parse(text) as unknown)
      heard(`${uri} ${response.status} ${next} ${show(copy.value)}`)
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
      return [...failures, ...topics.flatMap(({ backward }) => backward), ...wrong]
    },
    close: () => end.abort(),
  }
}
