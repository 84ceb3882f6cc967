-- Filesets: writes that belong to no commit yet. A fileset's edits are as an open commit's; its tree is what they make
-- of nothing. One that was taken from a commit has no edits but puts of what is in its tree.
CREATE TABLE filesets (
    id TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    tree BLOB
);
CREATE TABLE fileset_edits (
    edit INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL REFERENCES filesets (id) ON DELETE CASCADE,
    edits BLOB NOT NULL
);
CREATE INDEX fileset_edits_by_id ON fileset_edits (id, edit);
CREATE INDEX filesets_by_expiry ON filesets (expires);
