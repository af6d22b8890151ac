-- +goose Up
-- Events of an identity lead from one to the one before, and an idempotency key is kept as a digest of it. What was kept before stays as it is. A
-- replica of an earlier version goes on to answer and to stream, and cannot append any more: it does not know its column of the head.
ALTER TABLE head RENAME COLUMN last_id TO newest_id;
ALTER TABLE identities ADD COLUMN latest bigint NOT NULL DEFAULT 0; -- the newest event that names it first; 0 for none since then
ALTER TABLE events ADD COLUMN previous bigint; -- the event before that names the same identity first; 0 for none since then
ALTER TABLE events ADD COLUMN keyed uuid;      -- of the idempotency key the first 16 bytes of its SHA-256, in place of key
CREATE UNIQUE INDEX events_keyed ON events (keyed) WHERE keyed IS NOT NULL;
DROP INDEX events_identity;
CREATE INDEX events_unchained ON events (identity) WHERE previous IS NULL AND identity IS NOT NULL;
