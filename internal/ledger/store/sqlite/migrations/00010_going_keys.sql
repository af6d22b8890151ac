-- +goose Up
-- Keys go into hashed_keys some with each commit, so that some of events after head.keyed may be there. A ledger of an earlier version, which would put
-- them there once more and fail, refuses the database.
SELECT 1;
