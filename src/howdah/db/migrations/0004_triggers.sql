-- A branch with a trigger (JSON) moves by itself; `triggered` is the time from which its schedule's next instant counts.
ALTER TABLE branches ADD COLUMN trigger TEXT;
ALTER TABLE branches ADD COLUMN triggered INTEGER NOT NULL DEFAULT 0;
CREATE INDEX branches_with_trigger ON branches (repo) WHERE trigger IS NOT NULL;
-- When the branch was last given another head, provenance or trigger.
ALTER TABLE branches ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;
UPDATE branches SET updated = created;
