-- The cache: what workers computed once and may ask for again, each with the filesets that it speaks of, which live as
-- long as it does.
CREATE TABLE cache (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    tag TEXT NOT NULL
);
CREATE TABLE cache_filesets (
    key TEXT NOT NULL REFERENCES cache (key) ON DELETE CASCADE,
    id TEXT NOT NULL REFERENCES filesets (id),
    PRIMARY KEY (key, id)
);
CREATE INDEX cache_filesets_by_id ON cache_filesets (id);
