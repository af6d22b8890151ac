-- +goose Up
-- Under which root keys tags are made, counted from 1, the ledger's first one; and since when.
ALTER TABLE head ADD COLUMN tag_key smallint NOT NULL DEFAULT 1;
ALTER TABLE head ADD COLUMN tag_other smallint NOT NULL DEFAULT 1;
ALTER TABLE head ADD COLUMN rekeyed bigint NOT NULL DEFAULT 0;
CREATE TABLE root_keys (
  number smallint PRIMARY KEY, -- from 2
  id     text  NOT NULL,
  sealed bytea NOT NULL        -- the root keys before, sealed with this one
);
