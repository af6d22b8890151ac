-- +goose Up
-- From when on bodies of changes are packed, by the ledger's clock. Replicas of an earlier version cannot read them, and follow those of this
-- version for as long as an update of all of them takes: an hour, where there is a ledger already.
ALTER TABLE head ADD COLUMN packed bigint NOT NULL DEFAULT 0;
UPDATE head SET packed = (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint + 3600000000000;
