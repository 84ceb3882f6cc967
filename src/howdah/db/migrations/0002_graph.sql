-- What a branch follows: each edge from an upstream branch; an edge that never propagates only says where data is from.
CREATE TABLE branch_provenance (
    branch INTEGER NOT NULL REFERENCES branches (branch) ON DELETE CASCADE,
    upstream INTEGER NOT NULL REFERENCES branches (branch) ON DELETE CASCADE,
    never INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (branch, upstream)
) WITHOUT ROWID;
CREATE INDEX branch_subvenance ON branch_provenance (upstream);

-- What a commit was made from. An upstream commit is always the older one, so its number is smaller.
CREATE TABLE provenance (
    number INTEGER NOT NULL REFERENCES commits (number) ON DELETE CASCADE,
    upstream INTEGER NOT NULL REFERENCES commits (number) ON DELETE CASCADE,
    PRIMARY KEY (number, upstream)
) WITHOUT ROWID;
CREATE INDEX subvenance ON provenance (upstream);

-- Commits with one id are one commit set.
CREATE INDEX commits_by_id ON commits (id, number);
