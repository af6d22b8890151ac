-- +goose Up
-- Every commit updates its one row; room in the page keeps that from growing an index.
CREATE TABLE head (
  id       smallint PRIMARY KEY CHECK (id = 1),
  epoch    text     NOT NULL,
  key_id   text     NOT NULL,
  position bigint   NOT NULL,
  at       bigint   NOT NULL, -- nanoseconds since 1970, UTC, as all times; 0 for none
  hashed   boolean  NOT NULL,
  frontier bytea    NOT NULL, -- of the Merkle log of this position
  last_id  bigint   NOT NULL  -- the newest number of an identity
) WITH (fillfactor = 20);
CREATE TABLE identities (
  id      bigint PRIMARY KEY,
  cluster bigint NOT NULL, -- the smallest number of those that are linked with each other, directly or through others
  type    text   NOT NULL,
  tags    bytea  NOT NULL, -- all tags that name it, one after the other
  record  bytea  NOT NULL  -- JSON of consent.Record, of this identity alone
) WITH (fillfactor = 70);
CREATE INDEX identities_cluster ON identities (cluster, id);
CREATE TABLE tags (
  tag      bytea  PRIMARY KEY,
  identity bigint NOT NULL
);
CREATE TABLE links (
  identity bigint NOT NULL,
  position bigint NOT NULL, -- of the event that linked it with others
  PRIMARY KEY (identity, position)
);
CREATE TABLE events (
  position bigint PRIMARY KEY,
  identity bigint,          -- the first one that the event names; NULL where that is not known any more
  entry    bytea,           -- what the leaf stands for: the event and the tags that it names; never changed, NULL after erasure
  salt     bytea,           -- goes with the entry
  leaf     bytea  NOT NULL,
  key      text,            -- the idempotency key that it came with, the digest of what came with that, and when
  digest   bytea,
  at       bigint
);
CREATE INDEX events_identity ON events (identity);
CREATE UNIQUE INDEX events_key ON events (key) WHERE key IS NOT NULL;
CREATE TABLE event_identities ( -- the others that an event names
  identity bigint NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (identity, position)
);
CREATE TABLE nodes (
  level smallint NOT NULL,
  index bigint   NOT NULL,
  hash  bytea    NOT NULL,
  PRIMARY KEY (level, index)
);
-- What the events of a commit changed, for the other processes; kept for as long as one of them may lag behind.
CREATE TABLE changes (
  last  bigint PRIMARY KEY,
  first bigint NOT NULL,
  at    bigint NOT NULL,
  body  bytea  NOT NULL
);
ALTER TABLE changes ALTER COLUMN body SET STORAGE EXTERNAL;
