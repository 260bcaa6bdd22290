-- One row per series: what it knows of itself, never its values.
-- `kind` is naive, utc or integer, NULL until there was a row; `columns` is [[name, bits], …] in order.
-- `first` and `last` bound its stamps (NULL: no rows); where bit 1 or 2 of `exact` is set, there is a row at that end.
-- `levels` is a JSON list of those that its chunks may have: a range is looked for in each.
CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  reference TEXT NOT NULL,
  symbol TEXT NOT NULL,
  revision INTEGER NOT NULL,
  kind TEXT,
  unit TEXT NOT NULL,
  columns TEXT NOT NULL,
  first INTEGER,
  last INTEGER,
  exact INTEGER NOT NULL,
  levels TEXT NOT NULL DEFAULT '[]',
  UNIQUE (reference, symbol)
) STRICT;

-- The log: thousands of points to a row. A chunk says what is in the range from `first` to `last`: exactly its rows
-- when `replaces` is 1, its rows over what was there when it is 0; without a body it has no rows. Higher revisions
-- win, then higher ids. `stats` is [[column, count, min, max, sum, first, last], …], the nulls not counted.
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

-- The end of the log: small writes, of which a row of `chunks` each would cost two rows now and two when it is folded.
-- `parts` is text that only grows at its end until a compaction takes away its beginning: `[revision, [part, …]],` for
-- each write, a part being [level, first, last, replaces, count, stats, body]. `revision` is that of the last of them.
-- `debt` counts the parts, here and in `chunks`, that came since the last compaction and were not full.
CREATE TABLE tails (
  series INTEGER PRIMARY KEY,
  revision INTEGER NOT NULL,
  debt INTEGER NOT NULL,
  parts TEXT NOT NULL
) STRICT;

-- How long the rows of a reference's series are kept, in microseconds, and as it was said.
CREATE TABLE retentions (
  reference TEXT PRIMARY KEY,
  keep INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
