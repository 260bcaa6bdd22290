/** Where the hubs are, and how the Worker talks to them. */
import { crc32 } from "../lib/crc32.ts"
import type { Change } from "../protocol/change.ts"
import { HUBS_MAX, POKE_MAX_BYTES } from "../protocol/live-limits.ts"
import { expiryOf } from "./expiry.ts"
import type { Found } from "./readings.ts"

/** What the Worker asks of a hub, beside passing it sockets. */
export interface HubCalls {
  /** There are changes. Those given ride along; losing this call loses nothing. */
  poke(changes: Change[]): Promise<void>
  /** Something expires then, in epoch milliseconds. */
  ringBy(at: number): Promise<void>
  stats(): Promise<HubStats>
  /** Reads the first of these on behalf of a caller, null for the hub itself: as many as one invocation may. */
  readSome(who: string | null, uris: string[]): Promise<Found[]>
}

/** What a hub holds, or all of them together. */
export interface HubStats {
  sockets: number
  /** Topics, counted once for each socket. */
  subscriptions: number
}

export interface HubEnv {
  HUB: DurableObjectNamespace<HubCalls & Rpc.DurableObjectBranded>
  /** Hubs that new sockets are spread over; default 1. */
  LIVE_HUBS?: string
}

/** The hub whose alarm rings when something expires, whether it has subscribers or not. */
export const CLOCK_HUB = "hub-0"

/** A hub; by default the one that is always there. */
export function hubOf(
  env: HubEnv,
  name = CLOCK_HUB,
): DurableObjectStub<HubCalls & Rpc.DurableObjectBranded> {
  return env.HUB.getByName(name)
}

/** The name of the hub that a new connection goes to: any will do, as every hub tells the same. */
export function hubFor(env: HubEnv, connectionId: string): string {
  const names = hubNames(env)
  const at = crc32(new TextEncoder().encode(connectionId)) % names.length
  return names[at] ?? CLOCK_HUB
}

/** The hubs that new sockets are spread over. Others may still have sockets, from when there were more. */
export function hubNames({ LIVE_HUBS }: Pick<HubEnv, "LIVE_HUBS">): string[] {
  const count = Number(LIVE_HUBS)
  const length = Number.isInteger(count) && count >= 1 ? Math.min(count, HUBS_MAX) : 1
  return Array.from({ length }, (_, at) => `hub-${at}`)
}

/**
 * Tells of a commit: one call to each hub that listens, and to the clock where something expires. Never rejects: who is
 * not told now finds it in the journal.
 */
export async function pokeHubs(
  hub: (name: string) => Pick<HubCalls, "poke" | "ringBy">,
  changes: Change[],
  listeners: readonly string[],
): Promise<void> {
  const riding = ridingOf(changes)
  const calls = listeners.map((name) => hub(name).poke(riding))
  const isTold = listeners.includes(CLOCK_HUB) && riding.length === changes.length
  const at = isTold ? null : expiryOf(changes)
  if (at !== null) calls.push(hub(CLOCK_HUB).ringBy(at))
  for (const result of await Promise.allSettled(calls)) {
    if (result.status === "rejected") {
      console.warn({ event: "poke_lost", message: String(result.reason) })
    }
  }
}

/** The hubs look after themselves, those that listen and those that should. Throws when one cannot be reached. */
export async function lookAfterHubs(env: HubEnv, listeners: readonly string[]): Promise<void> {
  await Promise.all(allOf(env, listeners).map((name) => hubOf(env, name).poke([])))
}

/** What all hubs hold together. */
export async function sumStats(
  env: HubEnv,
  listeners: readonly string[],
): Promise<HubStats & { hubs: number }> {
  const sum = { hubs: listeners.length, sockets: 0, subscriptions: 0 }
  const all = allOf(env, listeners).map((name) => hubOf(env, name).stats())
  for (const { sockets, subscriptions } of await Promise.all(all)) {
    sum.sockets += sockets
    sum.subscriptions += subscriptions
  }
  return sum
}

function allOf(env: HubEnv, listeners: readonly string[]): string[] {
  return [...new Set([...hubNames(env), ...listeners])]
}

function ridingOf(changes: Change[]): Change[] {
  let bytes = 0
  // The last one always: by its revision the hub sees that there are more.
  return changes.filter(
    ({ body }, at) => (bytes += body?.length ?? 0) <= POKE_MAX_BYTES || at === changes.length - 1,
  )
}
