-- The journal. A row is one change; its id is the revision that ETags, frames and positions carry.
-- Not AUTOINCREMENT: that writes a second row for each change, and trimming always leaves the newest row.
CREATE TABLE changes (
  revision INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  uri TEXT NOT NULL,
  event TEXT NOT NULL,
  body TEXT,
  extra TEXT
) STRICT;

CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who is told of commits, and when it asked for that (epoch milliseconds, a new one each time).
CREATE TABLE listeners (
  name TEXT PRIMARY KEY,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The incarnation of this database.
INSERT INTO meta (name, value) VALUES ('epoch', lower(hex(randomblob(8))));
