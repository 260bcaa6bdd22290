/** The live client over a WebSocket: its copies are what GET answers. */
import { isPattern } from "../../src/protocol/pattern.ts"
import type { Socket } from "../../src/client/link.ts"
import { connect } from "../../src/client/live.ts"
import { BACK_MILLISECONDS, copyFaults, PING_MILLISECONDS, show, type OpenMouth } from "./mouth.ts"

/** A socket whose client is not told when to come back: a hub that fell over asks for seconds, a storm has none. */
export function impatient(url: string): Socket {
  const socket = new WebSocket(url)
  return {
    get readyState() {
      return socket.readyState
    },
    send: (text) => socket.send(text),
    close: (code, reason) => socket.close(code, reason),
    addEventListener: (type: string, listener: (event: never) => void) => {
      socket.addEventListener(type as "close", (event) =>
        listener((type === "close" ? { code: event.code, reason: "" } : event) as never),
      )
    },
  }
}

export const openClient: OpenMouth = ({ url, uris, heard }) => {
  const failures: string[] = []
  const live = connect(url, {
    firstDelayMilliseconds: BACK_MILLISECONDS,
    longestDelayMilliseconds: 8 * BACK_MILLISECONDS,
    pingMilliseconds: PING_MILLISECONDS,
    open: impatient,
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
        const faults = copyFaults(uri, value, truths)
        if (faults.length > 0 || isPattern(uri)) return faults
        const truth = truths.get(uri)
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
