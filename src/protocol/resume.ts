/**
 * Coming back: one command for all that a connection followed.
 *
 *     → {"id":1,"event":"resume","since":"<epoch>.<position>","uris":["/todo/",{"uri":"/todo/7","since":"…"}]}
 *     ← {"id":1,"ok":true,"epoch":"…","position":58,"frames":3,
 *        "topics":[{"uri":"/todo/","resumed":true, …},{"uri":"/todo/7","reset":true, …}]}
 *
 * `topics` stand as they were asked for. The next `frames` frames are the answer's: first what was missed, in the order
 * of the journal and once for the connection, told to those that are `resumed`; then the state of each that is not,
 * marked `reset` so that it tells that topic alone. One that is `absent` has none. One with a `problem` is not followed.
 */
import * as z from "zod"
import type { CommandId, Refused } from "./frames.ts"
import { RESUME_MAX_URIS, URI_MAX_CHARACTERS } from "./live-limits.ts"
import { Throttle } from "./throttle.ts"

const uri = z.string().min(1).max(URI_MAX_CHARACTERS)

/**
 * `since` is of all that name none of their own. What has neither is told anew, as by a subscribe without it. The
 * `throttle` of a subscription goes with its URI: a new socket knows of none.
 *
 * A client that held the connection may say the newest `position` (where there is none the `revision`) less one, of
 * frames that were neither marked `view` or `reset` nor announced by a reply: all before it was told, of every topic.
 */
export const resumeMembers = {
  since: z.string().optional(),
  uris: z
    .array(
      z.union([
        uri,
        z.object({ uri, since: z.string(), throttle: Throttle.optional() }),
        z.object({ uri, throttle: Throttle }),
      ]),
    )
    .min(1)
    .max(RESUME_MAX_URIS),
}

/** What became of one topic. */
export interface ResumedTopic {
  /** Canonical, where it can be followed. */
  uri: string
  revision?: number
  /** All up to here is told; with the reply's epoch it is what `since` takes. */
  position?: number
  resumed?: true
  reset?: true
  absent?: true
  view?: true
  problem?: Refused["problem"]
}

/** The reply to a resume. */
export interface Resumed {
  id: CommandId
  ok: true
  epoch: string
  position: number
  frames: number
  topics: ResumedTopic[]
}
