-- +goose Up
-- Under which root keys tags are made, counted from 1, the ledger's first one; and since when.
ALTER TABLE head ADD COLUMN tag_key INTEGER NOT NULL DEFAULT 1;
ALTER TABLE head ADD COLUMN tag_other INTEGER NOT NULL DEFAULT 1;
ALTER TABLE head ADD COLUMN rekeyed INTEGER NOT NULL DEFAULT 0;
CREATE TABLE root_keys (
  number INTEGER PRIMARY KEY, -- from 2
  id     TEXT NOT NULL,
  sealed BLOB NOT NULL        -- the root keys before, sealed with this one
);
