-- +goose Up
-- Evidence is looked at from time to time, to see whether it is still needed; that of before as well.
UPDATE attachments SET since = 1, due = 1 WHERE kind = 'evidence' AND due = 0;
