/**
 * When a hub looks into the journal although nobody told it of a change: a call may be lost, and with a database that was
 * put back the hub's name. The longer nothing has happened, the more seldom it does, and in the end it is left to the
 * hourly look at all hubs, so that nothing wakes a hub that only waits. Pure.
 */
import {
  HUB_LOOK_FIRST_MILLISECONDS,
  HUB_LOOK_LAST_MILLISECONDS,
} from "../../protocol/live-limits.ts"

/**
 * The time of the next look, in epoch milliseconds as are those given; null for none.
 * @param newest when the newest change that is known was made
 */
export function nextLook(now: number, newest: number): number | null {
  const quiet = now - newest
  if (quiet > HUB_LOOK_LAST_MILLISECONDS) return null
  return now + Math.max(quiet, HUB_LOOK_FIRST_MILLISECONDS)
}
