-- Deadlines of starting and running, the retry policy, the record of failed attempts; and what was used up.
ALTER TABLE tasks
    ADD COLUMN start_by BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN run_ms BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN retry TEXT COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN started_at BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN failures TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE history
    ADD COLUMN start_by BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN run_ms BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN retry TEXT COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN started_at BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN failures TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE TABLE usage (
    tenant TEXT COLLATE "C" NOT NULL,
    submitter TEXT COLLATE "C" NOT NULL,
    model TEXT COLLATE "C" NOT NULL,
    queue TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    tasks BIGINT NOT NULL,
    run_ms BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    total_tokens BIGINT NOT NULL,
    PRIMARY KEY (tenant, day, submitter, model, queue)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
