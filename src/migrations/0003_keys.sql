-- The index of the keys; their values live in Workers KV and, while the journal keeps it, in the change row.
-- `uri` stands here because SQL cannot percent-encode, and one statement records the change of every key.
-- `expires_at` is in epoch milliseconds. `value` holds only what is too large for a change row: without it,
-- nobody could put right what two writers left behind in Workers KV. It comes last, so that lists skip its pages.
CREATE TABLE keys (
  name TEXT PRIMARY KEY,
  uri TEXT NOT NULL,
  revision INTEGER NOT NULL,
  expires_at INTEGER,
  type TEXT NOT NULL,
  size INTEGER NOT NULL,
  value TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_by_expiry ON keys (expires_at) WHERE expires_at IS NOT NULL;
