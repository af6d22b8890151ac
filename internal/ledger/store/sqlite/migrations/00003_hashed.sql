-- +goose Up
-- Whether somebody may be known by a hashed identifier alone. Of what is there already nobody can tell.
ALTER TABLE head ADD COLUMN hashed INTEGER NOT NULL DEFAULT 1;
