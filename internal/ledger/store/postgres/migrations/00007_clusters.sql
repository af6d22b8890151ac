-- +goose Up
-- The first of a cluster is found by its number, and most are alone: only the others need an index.
DROP INDEX identities_cluster;
CREATE INDEX identities_cluster ON identities (cluster, id) WHERE cluster <> id;
