-- A task is stored whole, as a JSON array in the field order of core.task.Task; columns of their own have what
-- indexes and common searches need, the view reads all others out of the array. Sending thirty-seven columns took most of
-- the time of a claim.
DROP VIEW task_view;
ALTER TABLE tasks RENAME TO tasks_wide;
ALTER TABLE history RENAME TO history_wide;

CREATE TABLE tasks (
    key BIGINT NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    queue TEXT COLLATE "C" NOT NULL,
    level SMALLINT NOT NULL,
    lane TEXT COLLATE "C" NOT NULL,
    priority BIGINT NOT NULL,
    state SMALLINT NOT NULL,
    dialect TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    flow BIGINT NOT NULL,
    root BIGINT NOT NULL,
    worker TEXT COLLATE "C" NOT NULL,
    assignee TEXT COLLATE "C" NOT NULL,
    finished_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    body TEXT NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
INSERT INTO tasks (
    key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root, worker, assignee, finished_at,
    due_at, body
)
    SELECT key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root, worker, assignee, finished_at,
        due_at,
        json_build_array(
            key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root, callback, start_by,
            run_ms, retry, ready_at, expires_at, retries, losses, losses_max, loss_backoff_ms, attempt, token, worker,
            holder, started_at, lease_until, fenced, assignee, denied, denied_until, finished_at, finished_by,
            result_key, error_code, error, failures
        )::text
    FROM tasks_wide;
-- The names of indexes are free once the old table is gone.
DROP TABLE tasks_wide;
ALTER TABLE tasks ADD PRIMARY KEY (key);
CREATE INDEX tasks_ready ON tasks (queue, level, tenant, lane, priority DESC, key) WHERE state = 1 AND assignee = '';
CREATE INDEX tasks_reserved ON tasks (queue, assignee, tenant) WHERE state = 1 AND assignee <> '';
CREATE INDEX tasks_due ON tasks (due_at);
CREATE INDEX tasks_flow ON tasks (flow) WHERE flow <> 0;

CREATE TABLE history (
    key BIGINT NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    queue TEXT COLLATE "C" NOT NULL,
    level SMALLINT NOT NULL,
    lane TEXT COLLATE "C" NOT NULL,
    priority BIGINT NOT NULL,
    state SMALLINT NOT NULL,
    dialect TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    flow BIGINT NOT NULL,
    root BIGINT NOT NULL,
    worker TEXT COLLATE "C" NOT NULL,
    assignee TEXT COLLATE "C" NOT NULL,
    finished_at BIGINT NOT NULL,
    body TEXT NOT NULL
);
INSERT INTO history (
    key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root, worker, assignee, finished_at, body
)
    SELECT key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root, worker, assignee, finished_at,
        json_build_array(
            key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root, callback, start_by,
            run_ms, retry, ready_at, expires_at, retries, losses, losses_max, loss_backoff_ms, attempt, token, worker,
            holder, started_at, lease_until, fenced, assignee, denied, denied_until, finished_at, finished_by,
            result_key, error_code, error, failures
        )::text
    FROM history_wide;
DROP TABLE history_wide;
CREATE INDEX history_key ON history (key);
CREATE INDEX history_flow ON history (flow) WHERE flow <> 0;

CREATE VIEW task_view AS
    SELECT t.key, tenant, queue, level::bigint, lane, priority, state::bigint, dialect, created_at, flow, root,
        (body::json ->> 11)::boolean::integer::bigint AS callback, (body::json ->> 15)::bigint AS ready_at,
        (body::json ->> 16)::bigint AS expires_at, (body::json ->> 17)::bigint AS retries,
        (body::json ->> 18)::bigint AS losses, (body::json ->> 21)::bigint AS attempt, worker,
        (body::json ->> 24) COLLATE "C" AS holder, (body::json ->> 26)::bigint AS lease_until, assignee, finished_at,
        (body::json ->> 32) COLLATE "C" AS finished_by, (body::json ->> 33)::bigint AS result_key,
        (body::json ->> 34) COLLATE "C" AS error_code, (body::json ->> 35) COLLATE "C" AS error, d.attributes
    FROM tasks t JOIN details d ON d.key = t.key
    UNION ALL
    SELECT t.key, tenant, queue, level::bigint, lane, priority, state::bigint, dialect, created_at, flow, root,
        (body::json ->> 11)::boolean::integer::bigint AS callback, (body::json ->> 15)::bigint AS ready_at,
        (body::json ->> 16)::bigint AS expires_at, (body::json ->> 17)::bigint AS retries,
        (body::json ->> 18)::bigint AS losses, (body::json ->> 21)::bigint AS attempt, worker,
        (body::json ->> 24) COLLATE "C" AS holder, (body::json ->> 26)::bigint AS lease_until, assignee, finished_at,
        (body::json ->> 32) COLLATE "C" AS finished_by, (body::json ->> 33)::bigint AS result_key,
        (body::json ->> 34) COLLATE "C" AS error_code, (body::json ->> 35) COLLATE "C" AS error, d.attributes
    FROM history t JOIN details d ON d.key = t.key;
