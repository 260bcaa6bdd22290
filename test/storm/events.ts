/** Event streams, one for each topic: the copy they make is what GET answers, and each change came once. */
import { isDeepStrictEqual } from "node:util"
import { PATCHERS } from "../../src/client/live.ts"
import { Replica } from "../../src/client/replica.ts"
import { parsePosition } from "../../src/protocol/change.ts"
import type { Frame } from "../../src/protocol/frames.ts"
import { audit, type Event } from "./ledger.ts"
import { isFollowable, show, type OpenMouth } from "./mouth.ts"
import { follow } from "./stream.ts"

export const openEvents: OpenMouth = ({ url, uris, heard }) => {
  const failures: string[] = []
  const topics = uris.map((uri) => {
    const replica = new Replica(uri, PATCHERS)
    const events: Event[] = []
    let frames = 0
    let era: string | undefined
    /** The first id after a connection says up to where all is told. */
    let isNew = true
    let isFresh = true
    /** After what was missed a hub that is behind reads again, and that may cover what was told of it. */
    let isMissed = false
    let told = 0

    function begin(epoch: string, revision: number, frame?: Frame): void {
      // Without a frame there is nothing, or nothing new.
      const first = !frame && isFresh ? { absent: true as const } : {}
      const resumed = isFresh ? {} : { resumed: true as const }
      replica.begin({ id: null, ok: true, uri, epoch, revision, ...first, ...resumed })
    }

    const close = follow({
      url: url + uri,
      opened: (since) => {
        isNew = true
        isFresh = since === ""
        heard(`${uri} opens after "${since}"`)
        isMissed = !isFresh
        told = parsePosition(since)?.revision ?? 0
        if (!isFresh) events.push({ kind: "resume", since: told })
      },
      refused: (status, text) => {
        if (status < 500) failures.push(`${uri}: ${status} ${text}`)
      },
      heard: ({ id, data }) => {
        const place = parsePosition(id ?? "")
        if (!place) {
          failures.push(`${uri}: an event without a place: ${id}`)
          return
        }
        // In another epoch revisions are given out again: what was heard before can be held against nothing.
        if (place.epoch !== era) events.length = 0
        era = place.epoch
        const frame = data === undefined ? undefined : (JSON.parse(data) as Frame)
        if (isNew) begin(place.epoch, place.revision, frame)
        if (frame && replica.take(frame) === "lost") {
          failures.push(`${uri}: ${data?.slice(0, 200)} cannot be applied`)
        }
        if (isNew && isFresh) replica.settle(place.revision)
        if (frame?.reset || (isNew && isFresh)) {
          events.push({ kind: "state", floor: place.revision })
        } else if (frame && isFollowable(uri)) {
          const { revision, position = revision } = frame
          const of = frame.event === "create" ? frame.member : frame.uri
          isMissed &&= position > told
          told = Math.max(told, revision)
          events.push({ kind: "frame", id: ++frames, uri: of, position, revision, own: isMissed })
        }
        isNew = false
        heard(`${id} ${show(frame)}`)
      },
    })
    return { uri, replica, events, close }
  })

  return {
    faults: (truths, journal) => {
      const wrong = topics.flatMap(({ uri, replica, events }) => {
        const truth = truths.get(uri)
        const different = isDeepStrictEqual(replica.value, truth?.value)
          ? []
          : [`${uri} is ${show(truth?.value)}, by its events ${show(replica.value)}`]
        if (!isFollowable(uri)) return different
        const { missed, faults, useful } = audit(uri, events, journal)
        const holes = missed.map((revision) => `${uri} missed ${revision}`)
        const needless = events.flatMap((event) =>
          event.kind === "frame" && event.position === event.revision && !useful.has(event.id)
            ? [`${uri}: nothing new at ${event.revision}`]
            : [],
        )
        return [...different, ...faults, ...holes, ...needless]
      })
      return [...failures, ...wrong]
    },
    close: () => {
      for (const { close } of topics) close()
    },
  }
}
