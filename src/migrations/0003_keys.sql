-- The index of the keys; their values live in Workers KV and, while the journal keeps it, in the change row.
-- `uri` stands here because SQL cannot percent-encode, and one statement records the change of every key.
-- `expires_at` is in epoch milliseconds. `value` holds only what no change row can carry (bytes in base64, large text):
-- without it, nobody could put right what two writers left behind in Workers KV. It comes last, so that lists skip its
-- pages. `number` is the value where it is a decimal that can be counted up, because the journal forgets. `blob` names
-- the entry of Workers KV that holds what is too large for a row. `on_expire` is what is to be done when the key expires
-- by itself, as JSON text. `warn` is how long before its expiry that is told, in milliseconds, and `warn_at` when that is
-- to be done, NULL when it has been; in epoch milliseconds.
CREATE TABLE keys (
  name TEXT PRIMARY KEY,
  uri TEXT NOT NULL,
  revision INTEGER NOT NULL,
  expires_at INTEGER,
  type TEXT NOT NULL,
  size INTEGER NOT NULL,
  number TEXT,
  blob TEXT,
  on_expire TEXT,
  warn INTEGER,
  warn_at INTEGER,
  value TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_by_expiry ON keys (expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX keys_by_warning ON keys (warn_at) WHERE warn_at IS NOT NULL;

-- Every blob there is, written down before it is: whatever ends half-way, nothing stays in Workers KV unknown.
-- `key` is the only key that may name it. `created_at` is in epoch milliseconds; what is doomed is about to be removed, and no key may name it any more.
CREATE TABLE key_blobs (
  name TEXT PRIMARY KEY,
  key TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  doomed INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
