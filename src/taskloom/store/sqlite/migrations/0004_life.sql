-- Deadlines of starting and running, the retry policy, the record of failed attempts; and what was used up.
ALTER TABLE tasks ADD COLUMN start_by INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN run_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN retry TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN started_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN failures TEXT NOT NULL DEFAULT '';
ALTER TABLE history ADD COLUMN start_by INTEGER NOT NULL DEFAULT 0;
ALTER TABLE history ADD COLUMN run_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE history ADD COLUMN retry TEXT NOT NULL DEFAULT '';
ALTER TABLE history ADD COLUMN started_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE history ADD COLUMN failures TEXT NOT NULL DEFAULT '';

CREATE TABLE usage (
    tenant TEXT NOT NULL,
    submitter TEXT NOT NULL,
    model TEXT NOT NULL,
    queue TEXT NOT NULL,
    day INTEGER NOT NULL,
    tasks INTEGER NOT NULL,
    run_ms INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    total_tokens INTEGER NOT NULL,
    PRIMARY KEY (tenant, day, submitter, model, queue)
) STRICT, WITHOUT ROWID;
