-- +goose Up
CREATE TABLE identity_keys (
  identity INTEGER PRIMARY KEY,
  key      BLOB NOT NULL -- names the key in keys.db
);
CREATE TABLE attachments (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  id       BLOB    NOT NULL UNIQUE,
  identity INTEGER NOT NULL,
  position INTEGER NOT NULL, -- of the event; 0 for none
  kind     TEXT    NOT NULL,
  since    INTEGER NOT NULL, -- when it was due first, in nanoseconds since 1970, UTC; 0 for never
  due      INTEGER NOT NULL,
  tries    INTEGER NOT NULL DEFAULT 0,
  key      BLOB    NOT NULL,
  body     BLOB    NOT NULL  -- sealed
);
CREATE INDEX attachments_identity ON attachments (identity, kind);
CREATE INDEX attachments_due ON attachments (kind, due) WHERE due <> 0;
CREATE TABLE spent (
  id      BLOB PRIMARY KEY,
  by      BLOB    NOT NULL,
  expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX spent_expires ON spent (expires);
