-- +goose Up
-- What replicas tell each other: what is enforced by those who follow them, and for what somebody waits. Times are the server's.
CREATE TABLE replicas (
  id       text   PRIMARY KEY,
  position bigint NOT NULL, -- enforced by all who follow it
  lapses   bigint NOT NULL  -- when nobody can go by what it told any more, unless it is heard of again
);
CREATE TABLE awaited (
  position bigint PRIMARY KEY,
  until    bigint NOT NULL
);
