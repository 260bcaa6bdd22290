/** How Workers KV comes to say what the index says. */
import type { Database } from "../feed/database.ts"
import type { Committer } from "../feed/feed.ts"
import { AT_ONCE, chunksOf, UNFINISHED, type EdgeCopies, type WhenDown } from "./edge.ts"
import type { Entry } from "./entry.ts"
import { keeping, newest } from "./kept.ts"
import { busy } from "./persist.ts"
import { NONE } from "./sql.ts"
import type { Pledge } from "./turns.ts"

/** What is brought together. */
export interface Sides {
  db: Database
  feed: Committer
  edge: EdgeCopies
}

/** Rounds before giving up; each lasts one write to Workers KV, and others may commit meanwhile. */
const ROUNDS = 10
/** Attempts at what is owed, each a second at least: a runtime ends what goes on for 30 s after its answer. */
const ATTEMPTS = 20

/**
 * The last step of every write. The order of writes is the order of their commits, but what two writers send to
 * Workers KV afterwards may arrive the other way round, and the older would stay. So every writer, after it wrote to
 * Workers KV, looks at the index once more; finds it another revision than the one it wrote, it writes the newest
 * and looks again. Whoever writes last then finds what it wrote: had a newer commit come before that look, it would
 * have seen it, and had it come after, its own writer would have written later still.
 *
 * Workers KV takes one write a second for each key. What it would refuse, or did, is owed: the value stays in the
 * index until the next write of the key, so that it is durable although the journal forgets; one of those who owe
 * writes the newest as soon as it may, and nobody waits for that. If it dies, the next writer pays, or `check`.
 *
 * @param revisions what Workers KV was given last, by name; 0: nothing
 * @param whenDown whether what Workers KV does not take is thrown, or owed, too
 * Throws Problem overloaded; the write stays recorded then.
 */
export async function settle(
  sides: Sides,
  revisions: Map<string, number>,
  whenDown: WhenDown = "throw",
): Promise<void> {
  const { db, edge } = sides
  let doubtful = [...revisions]
  for (let round = 0; doubtful.length > 0; round++) {
    if (round === ROUNDS) throw busy(UNFINISHED)
    const wrong = await newest(db, doubtful)
    await edge.write(wrong, whenDown)
    doubtful = wrong
      .filter(([name]) => edge.turns.owed(name) === undefined)
      .map(([name, entry]) => [name, entry?.revision ?? 0])
  }
  await defer(
    sides,
    [...revisions.keys()].filter((name) => edge.turns.owed(name) !== undefined),
  )
}

/** Sees to it that what is owed will be paid, and outlives this isolate and the journal. */
async function defer(sides: Sides, names: string[]): Promise<void> {
  const { feed, edge } = sides
  const writes = keeping(
    names.flatMap((name): [string, Entry][] => {
      const entry = edge.turns.owed(name)
      return entry ? [[name, entry]] : []
    }),
  )
  if (writes.length > 0) await feed.commit({ drafts: [], writes })
  const pledges = new Map<string, Pledge>()
  for (const name of names) {
    const pledge = edge.turns.pledge(name, edge.now())
    if (pledge) pledges.set(name, pledge)
  }
  if (pledges.size > 0) edge.background(pay(sides, pledges))
}

/** Gives Workers KV the newest entries as soon as it takes them, until nobody owes others. Never rejects. */
async function pay(sides: Sides, pledges: Map<string, Pledge>): Promise<void> {
  const { edge } = sides
  const { turns } = edge
  for (let attempt = 0; attempt < ATTEMPTS && pledges.size > 0; attempt++) {
    await Promise.all([...pledges.keys()].map((name) => edge.turn(name)))
    for (const [name, pledge] of pledges) {
      if (!turns.isPledged(name, pledge)) pledges.delete(name)
    }
    const debts = new Map([...pledges.keys()].map((name) => [name, turns.debts(name)]))
    for (const name of await payOnce(sides, [...pledges.keys()])) {
      // Whoever came to owe since then committed after the index was read.
      if (turns.debts(name) !== debts.get(name)) continue
      turns.forgive(name)
      pledges.delete(name)
    }
  }
  for (const [name, pledge] of pledges) if (turns.isPledged(name, pledge)) turns.forgive(name)
}

/** Writes what the index tells; answers the names of which Workers KV has it now and the index tells nothing else. */
async function payOnce({ db, edge }: Sides, names: string[]): Promise<string[]> {
  const paid = new Set(names)
  try {
    const told = await newest(
      db,
      names.map((name) => [name, NONE]),
    )
    const sent: [name: string, revision: number][] = []
    for (const some of chunksOf(told, AT_ONCE)) {
      const results = await Promise.allSettled(some.map(([name, entry]) => edge.send(name, entry)))
      for (const [at, [name, entry]] of some.entries()) {
        const result = results[at]
        if (result?.status === "fulfilled" && result.value) sent.push([name, entry?.revision ?? 0])
        else paid.delete(name)
        if (result?.status === "rejected") putOff(edge, name, result.reason)
      }
    }
    for (const [name] of await newest(db, sent)) paid.delete(name)
    return [...paid]
  } catch (error) {
    for (const name of names) putOff(edge, name, error)
    return []
  }
}

function putOff(edge: EdgeCopies, name: string, error: unknown): void {
  console.warn({ event: "kv_owed", name, message: String(error) })
  edge.turns.take(name, edge.now())
}
