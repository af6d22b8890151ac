-- +goose Up
CREATE TABLE head (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  epoch    TEXT    NOT NULL,
  position INTEGER NOT NULL,
  at       INTEGER NOT NULL, -- nanoseconds since 1970, UTC; 0 for none
  key_id   TEXT    NOT NULL
);
CREATE TABLE people (
  id     INTEGER PRIMARY KEY,
  record BLOB NOT NULL -- JSON of consent.Record
);
CREATE TABLE tags (
  tag    BLOB PRIMARY KEY,
  person INTEGER NOT NULL REFERENCES people (id)
) WITHOUT ROWID;
CREATE INDEX tags_person ON tags (person);
CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  person   INTEGER NOT NULL REFERENCES people (id),
  event    BLOB NOT NULL -- JSON of consent.Event; never changed
);
CREATE INDEX events_person ON events (person);
CREATE TABLE idempotency (
  key      TEXT PRIMARY KEY,
  digest   BLOB NOT NULL,
  position INTEGER NOT NULL,
  at       INTEGER NOT NULL
) WITHOUT ROWID;
