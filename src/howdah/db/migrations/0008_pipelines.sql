-- Pipelines, each with the repo that it writes, whose name is its own; it goes with that repo. What it is told to do is
-- in its versions, each of which has a commit in the repo of the same name and the type `spec`.
CREATE TABLE pipelines (
    repo INTEGER PRIMARY KEY REFERENCES repos (repo) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    stopped INTEGER NOT NULL DEFAULT 0,
    state INTEGER NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    tries INTEGER NOT NULL DEFAULT 0,
    metadata TEXT NOT NULL DEFAULT '{}'
);
-- `told` is what the user wrote, `effective` what it means with all defaults; both are JSON.
CREATE TABLE pipeline_versions (
    repo INTEGER NOT NULL REFERENCES pipelines (repo) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    spec INTEGER NOT NULL REFERENCES commits (number) ON DELETE CASCADE,
    told TEXT NOT NULL,
    effective TEXT NOT NULL,
    salt TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (repo, version)
) WITHOUT ROWID;
CREATE UNIQUE INDEX pipeline_versions_by_spec ON pipeline_versions (spec);

-- What is noted of jobs. A job is a commit of its pipeline's repo that is made from a commit of its specification, and
-- goes with it; without a row here nobody has taken it up yet. One that was deleted stays, so that it is told no more.
-- Counts are of datums, sums of times are microseconds.
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY REFERENCES commits (number) ON DELETE CASCADE,
    repo INTEGER NOT NULL REFERENCES pipelines (repo) ON DELETE CASCADE,
    state INTEGER NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    restart INTEGER NOT NULL DEFAULT 0,
    total INTEGER,
    skipped INTEGER NOT NULL DEFAULT 0,
    processed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    recovered INTEGER NOT NULL DEFAULT 0,
    started INTEGER,
    finished INTEGER,
    download_time INTEGER NOT NULL DEFAULT 0,
    process_time INTEGER NOT NULL DEFAULT 0,
    upload_time INTEGER NOT NULL DEFAULT 0,
    download_bytes INTEGER NOT NULL DEFAULT 0,
    upload_bytes INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX jobs_by_repo ON jobs (repo);

-- Defaults that a project puts under the specifications of its pipelines (JSON); those of the cluster are in `cluster`.
ALTER TABLE projects ADD COLUMN defaults TEXT NOT NULL DEFAULT '{}';

-- Values are a JSON object of base64.
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    created INTEGER NOT NULL
);

-- Jobs that nobody has taken up yet are among these.
CREATE INDEX open_commits ON commits (repo, number) WHERE finished IS NULL;
