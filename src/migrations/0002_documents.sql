-- One row per document, clustered so that a collection lists in the order of creation.
-- `created` is the revision of the change that made it.
CREATE TABLE documents (
  collection TEXT NOT NULL,
  created INTEGER NOT NULL,
  name TEXT NOT NULL,
  revision INTEGER NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (collection, created)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX documents_by_name ON documents (collection, name);
