-- +goose Up
CREATE TABLE use_batches (
  key      TEXT PRIMARY KEY,
  recorded INTEGER NOT NULL, -- nanoseconds since 1970, UTC, as all times
  lost     INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX use_batches_recorded ON use_batches (recorded);
CREATE TABLE decisions (
  id        BLOB PRIMARY KEY, -- begins with the time, so that ids sort by it
  namespace TEXT    NOT NULL,
  workload  TEXT    NOT NULL,
  recorded  INTEGER NOT NULL,
  decided   TEXT    NOT NULL  -- JSON of wire.Decided without people
) WITHOUT ROWID;
CREATE INDEX decisions_recorded ON decisions (recorded);
CREATE TABLE uses (
  decision BLOB    NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
  number   INTEGER NOT NULL,
  tag      BLOB,              -- NULL where no identifier could be read
  reason   TEXT    NOT NULL,
  grant_at INTEGER NOT NULL,  -- position of the grant that carried; 0 for none
  PRIMARY KEY (decision, number)
) WITHOUT ROWID;
CREATE INDEX uses_tag ON uses (tag, decision) WHERE tag IS NOT NULL;
