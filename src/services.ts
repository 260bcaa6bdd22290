/** What a request finds around it: the stores and the feed, made for it alone. */
import type { Scope } from "./auth/scope.ts"
import { HistoryKeeper } from "./documents/history/keeper.ts"
import { DocumentHistory } from "./documents/history/history.ts"
import { SignedCommitter } from "./documents/history/signed.ts"
import { DocumentExporter } from "./documents/transfer/exporter.ts"
import { DocumentImporter } from "./documents/transfer/importer.ts"
import { appShape } from "./documents/routes.ts"
import { DocumentEditor } from "./documents/editor.ts"
import { DocumentLists } from "./documents/list/reader.ts"
import { TABLE as DOCUMENTS } from "./documents/sql.ts"
import { DocumentStore, plain } from "./documents/store.ts"
import type { Env } from "./env.ts"
import { Database } from "./feed/database.ts"
import { sweep, SweptJournal } from "./feed/expiry.ts"
import { Feed, type Committer, type Journal, type Keeper as JournalKeeper } from "./feed/feed.ts"
import { commitTogether, type Ended } from "./feed/joint.ts"
import { readFrom } from "./http/from.ts"
import { Blobs } from "./keys/blobs.ts"
import { EdgeCopies } from "./keys/edge.ts"
import { KeyRemover } from "./keys/batch/remover.ts"
import { KeyBatches } from "./keys/batch/runner.ts"
import { KeyKeeper } from "./keys/keeper.ts"
import { KeyLists } from "./keys/list/reader.ts"
import { Expirer } from "./keys/expirer.ts"
import { SWEPT as KEYS } from "./keys/sql.ts"
import { KeyStore } from "./keys/store.ts"
import { hubOf, sumStats } from "./live/hubs.ts"
import type { Listen, Wish } from "./live/streams/listen.ts"
import { answerWhenNew, type Poll } from "./live/streams/long-poll.ts"
import { watch } from "./live/streams/sse.ts"
import { type HubStats } from "./metrics/routes.ts"
import type { Change } from "./protocol/change.ts"
import type { Answer } from "./protocol/endpoint.ts"
import { emitterOf, type Emit } from "./resources/emit.ts"
import { isToldBy } from "./resources/find.ts"
import { type ResourceServices } from "./resources/mounted.ts"
import { todos } from "./resources/todo.ts"
import { Compactor } from "./series/compactor.ts"
import { Keeper } from "./series/keeper.ts"
import { SeriesLists } from "./series/read/lists.ts"
import { SeriesReader } from "./series/read/reader.ts"
import { SeriesWriter } from "./series/ingest/writer.ts"
import type { Place } from "./series/sql.ts"
import { SeriesStore } from "./series/store.ts"

/** The tables of what may expire. */
const EXPIRING = [{ table: DOCUMENTS }, KEYS]

/** What a request finds around it; the clock and chance are passed in. */
export interface Surroundings {
  env: Env
  /** Epoch milliseconds. */
  now: () => number
  newId: () => string
  /** Told of every commit, and who listens. */
  poke: (changes: Change[], listeners: string[]) => void
  /** Takes work that nobody waits for; default: it runs, and may be lost. */
  background?: (work: Promise<unknown>) => void
  /** What the caller may do, where that is known already; else the request's token says it. */
  scope?: Scope
  /** Listens at a hub; absent in the hub itself, where nothing may wait for it. */
  listen?: Listen
  /** "strong" for who must never see a stale copy of a key; default "edge". */
  consistency?: "edge" | "strong"
}

export interface Services extends ResourceServices {
  env: Env
  scope: Scope
  isBatch: boolean
  db: Database
  feed: Feed
  apps: DocumentStore
  appHistory: DocumentHistory
  /** For trimming the journal. */
  journalKeepers: JournalKeeper[]
  appExporter: DocumentExporter
  appImporter: DocumentImporter
  from: () => string | null
  appLists: DocumentLists
  editor: DocumentEditor
  keys: KeyStore
  keyLists: KeyLists
  keyBatches: KeyBatches
  keyRemover: KeyRemover
  blobs: Blobs
  series: SeriesStore
  seriesWriter: SeriesWriter
  seriesReader: SeriesReader
  seriesLists: SeriesLists
  keeper: Keeper
  compactor: Compactor
  hubStats: () => Promise<HubStats>
  /** Ends what has expired; answers when the next thing does, in epoch milliseconds, null for never. */
  sweep: () => Promise<number | null>
  /** For code that serves no request, such as the schedule's: each call is a commit. */
  emit: Emit
  /** Answers many requests as one transaction. */
  together: (requests: Request[]) => Promise<Ended<Response>>
  request: Request
  listen?: Listen
  random: () => number
  mouths?: {
    events: (wish: Omit<Wish, "request">) => Promise<Response>
    whenNew: (poll: Omit<Poll, "request">) => Promise<Answer>
  }
}

/** Answers a request with what it finds around it; never throws. */
export type Dispatch = (request: Request, services: Services) => Promise<Response>

/** An operation of a batch has the database in common with the others, and a journal that waits for them. */
interface Shared {
  db: Database
  journal: Journal
}

/** The stores and the feed for one request. */
export function servicesFor(
  surroundings: Surroundings,
  request: Request,
  dispatch: Dispatch,
  shared?: Shared,
): Services {
  const { env, now, newId, poke, scope = "write", listen } = surroundings
  const { background = () => {} } = surroundings
  // Who waited for a change must not be answered from a copy that does not have it yet.
  const isWaiting = new URL(request.url).searchParams.has("wait")
  const { consistency = isWaiting ? "strong" : "edge" } = surroundings
  const db = shared?.db ?? new Database(env.DB)
  // Workers KV is not put back with the database.
  const renewed = () => background(keys.checkRestored().catch(logFailure("keys_unchecked")))
  const feed = new Feed(db, { now, poke, renewed })
  const from = () => readFrom(request.headers)
  const journal = shared?.journal ?? feed
  const documentJournal = new SweptJournal(journal, DOCUMENTS, now)
  const signed = new SignedCommitter(documentJournal, from)
  // What it costs in the background is no cost of the request, whose answer is under way by then.
  const quiet = new Database(env.DB)
  const compactor = new Compactor(quiet, new Feed(quiet, { now, poke }))
  const piledUp = (place: Place) =>
    background(compactor.compact(place).catch(logFailure("compaction_failed")))
  const edge = new EdgeCopies(env.KV, { now, background })
  const blobs = new Blobs(db, feed, env.KV, { now, newId })
  // What a key does when it expires is a request like any other, in one transaction with the key's end.
  const expirer = new Expirer(db, feed, now, (collecting, asked) => {
    const common = { db, journal: collecting }
    const around = { ...surroundings, scope: "write" } as const
    return dispatch(asked, servicesFor(around, asked, dispatch, common))
  })
  const expire = (name: string | null) => expirer.expire(name)
  const endExpired = () => expirer.after(() => sweep(db, feed, EXPIRING, now()))
  const expiring = { now, sweep: endExpired }
  const keys = new KeyStore(db, feed, { edge, blobs }, { now, consistency, expire })
  const keyLists = new KeyLists(db, edge, expiring)
  const answerIn = (asked: Request) => (own: Journal) =>
    dispatch(asked, servicesFor(surroundings, asked, dispatch, { db, journal: own }))
  const together = (requests: Request[]) =>
    commitTogether(feed, requests.map(answerIn), (response) => response.ok)
  const apps = new DocumentStore(db, signed, appShape, expiring)
  const ringBy = (at: number) => background(hubOf(env).ringBy(at).catch(logFailure("bell_lost")))
  const takeTurn = (uri: string) => env.TURNS.getByName(uri).take()
  return {
    env,
    request,
    scope,
    isBatch: shared !== undefined,
    together,
    db,
    feed,
    appHistory: new DocumentHistory(db, expiring),
    journalKeepers: [new KeyKeeper(db), new HistoryKeeper(db)],
    appExporter: new DocumentExporter(db, expiring),
    appImporter: new DocumentImporter(db, documentJournal, { stager: feed, now, newId, ringBy }),
    from,
    journal: documentJournal,
    apps,
    editor: new DocumentEditor(apps, signed, appShape, {
      now,
      pause,
      ...(shared ? {} : { takeTurn }),
    }),
    appLists: new DocumentLists(db, expiring),
    keyLists,
    keyRemover: new KeyRemover({ db, feed, edge, lists: keyLists, now, expire }),
    keyBatches: new KeyBatches(db, feed, edge, { now, expire }),
    keys,
    blobs,
    series: new SeriesStore(db, journal, now, piledUp),
    seriesWriter: new SeriesWriter(db, journal, { now, newId, piledUp, mayStage: !shared }),
    seriesReader: new SeriesReader(db, now),
    seriesLists: new SeriesLists(db, now),
    keeper: new Keeper(db, feed, now),
    compactor,
    hubStats: async () => sumStats(env, await feed.listeners()),
    documents: (committer: Committer) => new DocumentStore(db, committer, plain, expiring),
    sweep: endExpired,
    emit: emitterOf(journal, isToldBy(todos.definitions)),
    takeTurn,
    newId,
    now,
    random: Math.random,
    ...(listen
      ? {
          listen,
          mouths: {
            events: (wish) => watch({ request, ...wish }, listen, Math.random),
            whenNew: (poll) => answerWhenNew({ request, ...poll }, listen, () => feed.position()),
          },
        }
      : {}),
  }
}

const logFailure = (event: string) => (error: unknown) => {
  console.error({ event, message: String(error) })
}

/** Up to 10, 20, 40 … ms, so that those who collided do not meet again. */
function pause(attempt: number): Promise<void> {
  const milliseconds = Math.random() * 5 * 2 ** attempt
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
