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

-- Finds the changes of one app's document. Those that created are left out, or creating would write a row more:
-- where they are, the document says.
CREATE INDEX changes_of_apps ON changes (uri)
  WHERE event <> 'create' AND uri > '/api/apps/' AND uri < '/api/apps0';

-- What apps' documents were before the first change that the journal still has, where there is such a change;
-- every other document is still what it was. `data` is NULL where the journal could not tell.
CREATE TABLE document_pasts (
  name TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  data TEXT
) STRICT, WITHOUT ROWID;

-- The first change of a document whose last one was trimmed keeps what was there, whoever makes it.
CREATE TRIGGER documents_changed BEFORE UPDATE OF data ON documents
  WHEN old.collection = '/api/apps/' AND old.revision < (SELECT min(revision) FROM changes)
  BEGIN INSERT OR REPLACE INTO document_pasts VALUES (old.name, old.revision, old.data); END;

CREATE TRIGGER documents_deleted BEFORE DELETE ON documents
  WHEN old.collection = '/api/apps/' AND old.revision < (SELECT min(revision) FROM changes)
  BEGIN INSERT OR REPLACE INTO document_pasts VALUES (old.name, old.revision, old.data); END;

-- Documents of an import on their way, where nobody sees them until they are written together. A part is a list of
-- [name, URI, data], `count` of them; `at` is when its import began.
CREATE TABLE document_imports (
  import TEXT NOT NULL,
  part INTEGER NOT NULL,
  at INTEGER NOT NULL,
  count INTEGER NOT NULL,
  lines TEXT NOT NULL,
  PRIMARY KEY (import, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX documents_by_expiry ON documents (expires_at) WHERE expires_at IS NOT NULL;
