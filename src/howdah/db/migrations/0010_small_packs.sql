-- The bytes of small packs, until they are gathered into large ones, which are objects in the bucket.
CREATE TABLE small_packs (
    pack INTEGER PRIMARY KEY REFERENCES packs (pack) ON DELETE CASCADE,
    bytes BLOB NOT NULL
);
