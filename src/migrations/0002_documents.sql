-- One row per document, clustered so that a collection lists in the order of creation.
-- `created` is the revision of the change that made it. `expires_at` is in epoch milliseconds; only with it there is
-- `uri`, because SQL cannot percent-encode, and one statement records that many documents have expired. `data` comes
-- last, so that lists skip its pages.
CREATE TABLE documents (
  collection TEXT NOT NULL,
  created INTEGER NOT NULL,
  name TEXT NOT NULL,
  revision INTEGER NOT NULL,
  expires_at INTEGER,
  uri TEXT,
  data TEXT NOT NULL,
  PRIMARY KEY (collection, created)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX documents_by_name ON documents (collection, name);

CREATE INDEX documents_by_expiry ON documents (expires_at) WHERE expires_at IS NOT NULL;
