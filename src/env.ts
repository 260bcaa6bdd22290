/** The bindings and variables of wrangler.toml. */
import type { TokenEnv } from "./auth/token.ts"
import type { HubEnv } from "./live/hubs.ts"
import type { Turns } from "./resources/turns.ts"

export interface Env extends HubEnv, TokenEnv {
  DB: D1Database
  KV: KVNamespace
  TURNS: DurableObjectNamespace<Turns>
  ASSETS: Fetcher
  /** Hours the journal keeps at least; default 168. */
  JOURNAL_KEEP_HOURS?: string
  /** Changes the journal keeps at most; default 100,000. */
  JOURNAL_KEEP_CHANGES?: string
  /** The namespace that Socket.IO serves; default "/". */
  SOCKETIO_NAMESPACE?: string
}
