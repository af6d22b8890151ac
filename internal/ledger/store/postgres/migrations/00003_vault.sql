-- +goose Up
-- The wrapped keys of people stand in a schema of their own, which backups of the ledger leave out (pg_dump --exclude-schema=optup_keys): they
-- are what erasure erases.
CREATE SCHEMA IF NOT EXISTS optup_keys;
CREATE TABLE IF NOT EXISTS optup_keys.keys (
  id      bytea PRIMARY KEY,
  wrapped bytea NOT NULL
);
CREATE TABLE identity_keys (
  identity bigint PRIMARY KEY,
  key      bytea NOT NULL
);
CREATE TABLE attachments (
  seq      bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id       bytea   NOT NULL UNIQUE,
  identity bigint  NOT NULL,
  position bigint  NOT NULL, -- of the event; 0 for none
  kind     text    NOT NULL,
  since    bigint  NOT NULL, -- when it was due first, in nanoseconds since 1970, UTC; 0 for never
  due      bigint  NOT NULL,
  tries    integer NOT NULL DEFAULT 0,
  key      bytea   NOT NULL,
  body     bytea   NOT NULL  -- sealed
);
CREATE INDEX attachments_identity ON attachments (identity, kind);
CREATE INDEX attachments_due ON attachments (kind, due) WHERE due <> 0;
CREATE TABLE spent (
  id      bytea PRIMARY KEY,
  holder  bytea  NOT NULL,
  expires bigint NOT NULL
);
CREATE INDEX spent_expires ON spent (expires);
