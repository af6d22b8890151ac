-- +goose Up
CREATE TABLE use_batches (
  key      text   PRIMARY KEY,
  recorded bigint NOT NULL,
  lost     bigint NOT NULL
);
CREATE INDEX use_batches_recorded ON use_batches (recorded);
CREATE TABLE decisions (
  id        bytea  PRIMARY KEY, -- begins with the time, so that ids sort by it
  namespace text   NOT NULL,
  workload  text   NOT NULL,
  recorded  bigint NOT NULL,
  effect    text   NOT NULL,    -- empty until the last part has come
  decided   bytea  NOT NULL     -- JSON of wire.Decided without people
);
CREATE INDEX decisions_recorded ON decisions (recorded);
CREATE TABLE uses (
  decision bytea  NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
  number   bigint NOT NULL,
  tag      bytea,               -- NULL where no identifier could be read
  reason   text   NOT NULL,
  grant_at bigint NOT NULL,     -- position of the grant that carried; 0 for none
  PRIMARY KEY (decision, number)
);
CREATE INDEX uses_tag ON uses (tag, decision) WHERE tag IS NOT NULL;
