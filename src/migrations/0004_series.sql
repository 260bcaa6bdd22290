-- One row per series: what it knows of itself, never its values.
-- `kind` is naive, utc or integer, NULL until there was a row; `zone` and `index_name` are what a table schema named last;
-- `columns` is [[name, bits], …] in order.
-- `first` and `last` bound its stamps (NULL: no rows); where bit 1 or 2 of `exact` is set, there is a row at that end.
-- `debt` counts the chunks that came since the last compaction and were not full.
-- `tail` is the end of the log: small writes, of which a row of `chunks` each would be two rows written now, and one
-- when it is folded. Text to which every write adds `[revision, level, first, last, replaces, count, "body"],` and of
-- which a compaction takes away the beginning. It comes last, so that who does not want it skips its pages.
CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  reference TEXT NOT NULL,
  symbol TEXT NOT NULL,
  revision INTEGER NOT NULL,
  kind TEXT,
  unit TEXT NOT NULL,
  zone TEXT,
  index_name TEXT,
  columns TEXT NOT NULL,
  first INTEGER,
  last INTEGER,
  exact INTEGER NOT NULL,
  debt INTEGER NOT NULL DEFAULT 0,
  tail TEXT NOT NULL DEFAULT '',
  UNIQUE (reference, symbol)
) STRICT;

-- The log: thousands of points to a row. A chunk says what is in the range from `first` to `last`: exactly its rows
-- when `replaces` is 1, its rows over what was there when it is 0; without a body it has no rows. Higher revisions
-- win, then higher ids. `stats` is what its numbers are by hours, days or weeks, as stats.ts writes it.
CREATE TABLE chunks (
  id INTEGER PRIMARY KEY,
  series INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  level INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  replaces INTEGER NOT NULL,
  count INTEGER NOT NULL,
  stats TEXT,
  body TEXT
) STRICT;

-- A chunk is shorter than 4^level, so those that reach into a range begin no more than that before it.
CREATE INDEX chunks_by_range ON chunks (series, level, first, last);

-- How long the rows of a reference's series are kept: in microseconds and as it was said, NULL for ever (again).
-- `revision` is that of the last change which the setting made; what `since` an older one asks is told everything.
CREATE TABLE retentions (
  reference TEXT PRIMARY KEY,
  keep INTEGER,
  text TEXT,
  revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
