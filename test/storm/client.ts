/** The live client over a WebSocket: its copies are what GET answers. */
import { isDeepStrictEqual } from "node:util"
import { connect } from "../../src/client/live.ts"
import { BACK_MILLISECONDS, PING_MILLISECONDS, show, type OpenMouth } from "./mouth.ts"

export const openClient: OpenMouth = ({ url, uris, heard }) => {
  const failures: string[] = []
  const live = connect(url, {
    firstDelayMilliseconds: BACK_MILLISECONDS,
    longestDelayMilliseconds: 8 * BACK_MILLISECONDS,
    pingMilliseconds: PING_MILLISECONDS,
  })
  const follow = (uri: string) => {
    const subscription = live.subscribe(uri, ({ frame }) => heard(show(frame ?? `${uri} is gone`)))
    subscription.ready.then(
      () => heard(`${uri} is ready`),
      (error: Error) => void failures.push(`${uri}: ${error.message}`),
    )
    return subscription
  }
  const copies = new Map(uris.map((uri) => [uri, follow(uri)]))
  return {
    faults: (truths) => {
      const wrong = [...copies].flatMap(([uri, { value, revision }]) => {
        const truth = truths.get(uri)
        if (!isDeepStrictEqual(value, truth?.value)) {
          return [`${uri} is ${show(truth?.value)}, the copy ${show(value)}`]
        }
        const isItem = truth?.revision !== undefined && !uri.endsWith("/") && !uri.includes("?")
        return isItem && value !== undefined && revision !== truth.revision
          ? [`${uri} has revision ${truth.revision}, the copy ${revision}`]
          : []
      })
      return [...failures, ...wrong]
    },
    rejoin: () => {
      for (const [uri, subscription] of [...copies].slice(0, 1)) {
        subscription.unsubscribe()
        copies.set(uri, follow(uri))
      }
    },
    close: () => live.close(),
  }
}
