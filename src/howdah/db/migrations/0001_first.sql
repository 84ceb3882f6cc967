-- Times are microseconds since 1970 in UTC; metadata is a JSON object of strings.

CREATE TABLE cluster (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Bytes: where each stored blob lies. Blobs never change; rows are added after the pack is durable.
CREATE TABLE packs (
    pack INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL
);
CREATE TABLE blobs (
    digest BLOB PRIMARY KEY,
    pack INTEGER NOT NULL REFERENCES packs (pack),
    place INTEGER NOT NULL,
    length INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE projects (
    project INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    created INTEGER NOT NULL,
    metadata TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE repos (
    repo INTEGER PRIMARY KEY,
    project INTEGER NOT NULL REFERENCES projects (project),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    description TEXT NOT NULL,
    created INTEGER NOT NULL,
    metadata TEXT NOT NULL DEFAULT '{}',
    UNIQUE (project, name, type)
);

-- A commit's number grows with its start and is never used again, since writers know their commit by it from one
-- transaction to the next. Its tree is the state after all its folded edits.
CREATE TABLE commits (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    repo INTEGER NOT NULL REFERENCES repos (repo) ON DELETE CASCADE,
    id TEXT NOT NULL,
    parent INTEGER REFERENCES commits (number),
    origin INTEGER NOT NULL,
    description TEXT NOT NULL,
    error TEXT NOT NULL DEFAULT '',
    started INTEGER NOT NULL,
    finishing INTEGER,
    finished INTEGER,
    tree BLOB,
    files INTEGER NOT NULL DEFAULT 0,
    size INTEGER NOT NULL DEFAULT 0,
    suspects TEXT NOT NULL DEFAULT '[]',
    metadata TEXT NOT NULL DEFAULT '{}',
    UNIQUE (repo, id)
);
CREATE INDEX commits_by_parent ON commits (parent);
CREATE INDEX commits_by_repo ON commits (repo, number);

-- Edits of an open commit that are not yet folded into its tree, in the order they were acknowledged. Their numbers
-- are never used again either: who folds sees by them whether others have folded meanwhile.
CREATE TABLE edits (
    edit INTEGER PRIMARY KEY AUTOINCREMENT,
    number INTEGER NOT NULL REFERENCES commits (number) ON DELETE CASCADE,
    edits BLOB NOT NULL
);
CREATE INDEX edits_by_commit ON edits (number, edit);

CREATE TABLE branches (
    branch INTEGER PRIMARY KEY,
    repo INTEGER NOT NULL REFERENCES repos (repo) ON DELETE CASCADE,
    name TEXT NOT NULL,
    head INTEGER NOT NULL REFERENCES commits (number),
    created INTEGER NOT NULL,
    metadata TEXT NOT NULL DEFAULT '{}',
    UNIQUE (repo, name)
);
CREATE INDEX branches_by_head ON branches (head);
