-- +goose Up
-- Events of an identity lead from one to the one before, and idempotency keys stand with their events. What was kept before stays as it is, under
-- other names: a ledger of an earlier version, which would add to it, refuses the database.
ALTER TABLE event_identities RENAME TO named_identities; -- those that an event names besides the first, and all that were named before there were chains
ALTER TABLE idempotency RENAME TO text_keys;             -- of before keys were hashed; nothing is added
ALTER TABLE identities ADD COLUMN latest INTEGER NOT NULL DEFAULT 0; -- the newest event that names it first; 0 for none since then
ALTER TABLE events ADD COLUMN identity INTEGER; -- the first one that the event names
ALTER TABLE events ADD COLUMN previous INTEGER; -- the event before that names it first; 0 for none
ALTER TABLE events ADD COLUMN key BLOB;         -- of the idempotency key the first 16 bytes of its SHA-256, the digest of what came with it, and when
ALTER TABLE events ADD COLUMN digest BLOB;
ALTER TABLE events ADD COLUMN at INTEGER;
-- Keys go in here many at a time, in their order, because each lands somewhere else. Those of events after head.keyed are not in it yet.
CREATE TABLE hashed_keys (
  key      BLOB PRIMARY KEY,
  position INTEGER NOT NULL
) WITHOUT ROWID;
ALTER TABLE head ADD COLUMN keyed INTEGER NOT NULL DEFAULT 0;
UPDATE head SET keyed = position;
