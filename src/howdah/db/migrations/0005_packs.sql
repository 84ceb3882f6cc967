-- Packs come and go by gc. A foreign key would read all of `blobs` for each pack that goes; `howdah fsck` looks instead.
CREATE TABLE placed (
    digest BLOB PRIMARY KEY,
    pack INTEGER NOT NULL,
    place INTEGER NOT NULL,
    length INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO placed (digest, pack, place, length) SELECT digest, pack, place, length FROM blobs ORDER BY digest;
DROP TABLE blobs;
ALTER TABLE placed RENAME TO blobs;
-- A pack's number is never used again: gc knows packs by it from one transaction to the next.
CREATE TABLE kept (
    pack INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL
);
INSERT INTO kept (pack, name, size) SELECT pack, name, size FROM packs;
DROP TABLE packs;
ALTER TABLE kept RENAME TO packs;
