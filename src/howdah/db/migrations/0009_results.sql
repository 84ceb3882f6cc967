-- What became of datums that a job has run, those of one report together: encoded as `howdah.pps.results` says. Those that
-- it passed over have nothing here.
CREATE TABLE job_results (
    result INTEGER PRIMARY KEY,
    number INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
    results BLOB NOT NULL
);
CREATE INDEX job_results_by_job ON job_results (number);
