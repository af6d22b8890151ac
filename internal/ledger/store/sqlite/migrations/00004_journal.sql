-- +goose Up
-- Identities instead of people, and a Merkle log. The next migration fills these tables from those that are renamed here.
DROP INDEX tags_person;
DROP INDEX events_person;
ALTER TABLE tags RENAME TO old_tags;
ALTER TABLE events RENAME TO old_events;
ALTER TABLE people RENAME TO old_people;
ALTER TABLE head ADD COLUMN frontier BLOB NOT NULL DEFAULT x'';
ALTER TABLE head ADD COLUMN last_id INTEGER NOT NULL DEFAULT 0;
CREATE TABLE identities (
  id      INTEGER PRIMARY KEY,
  cluster INTEGER NOT NULL, -- the smallest id of those that are linked with it, directly or through others
  type    TEXT    NOT NULL,
  tags    BLOB    NOT NULL, -- all of them, one after the other
  record  BLOB    NOT NULL  -- JSON of consent.Record: what happened under this identity alone
);
-- The first of a cluster is found by its id.
CREATE INDEX identities_cluster ON identities (cluster) WHERE cluster <> id;
CREATE TABLE tags (
  tag      BLOB PRIMARY KEY,
  identity INTEGER NOT NULL REFERENCES identities (id)
) WITHOUT ROWID;
CREATE TABLE links (
  identity INTEGER NOT NULL REFERENCES identities (id),
  position INTEGER NOT NULL, -- of the act that names all identities with the same position
  PRIMARY KEY (identity, position)
) WITHOUT ROWID;
CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  entry    BLOB,             -- JSON of store.Entry; never changed, NULL once erased
  salt     BLOB,             -- NULL once erased
  leaf     BLOB NOT NULL     -- hash of salt and entry; never changed
);
CREATE TABLE event_identities (
  identity INTEGER NOT NULL REFERENCES identities (id),
  position INTEGER NOT NULL REFERENCES events (position),
  named    INTEGER NOT NULL, -- 0 for those whom an event only separates from others
  PRIMARY KEY (identity, position)
) WITHOUT ROWID;
CREATE TABLE nodes (
  level INTEGER NOT NULL, -- 8, 16, ...: a complete subtree of the Merkle log with 2^level leaves
  place INTEGER NOT NULL, -- among those of its level, from 0
  hash  BLOB    NOT NULL,
  PRIMARY KEY (level, place)
) WITHOUT ROWID;
