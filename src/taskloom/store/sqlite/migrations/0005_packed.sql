-- A task is stored whole, as a JSON array in the field order of core.task.Task; columns of their own have what
-- indexes and common searches need, the view reads all others out of the array. Writing thirty-seven columns took most of
-- the time of a claim.
DROP VIEW task_view;
ALTER TABLE tasks RENAME TO tasks_wide;
ALTER TABLE history RENAME TO history_wide;

CREATE TABLE tasks (
    key INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    queue TEXT NOT NULL,
    level INTEGER NOT NULL,
    lane TEXT NOT NULL,
    priority INTEGER NOT NULL,
    state INTEGER NOT NULL,
    dialect TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    flow INTEGER NOT NULL,
    root INTEGER NOT NULL,
    worker TEXT NOT NULL,
    assignee TEXT NOT NULL,
    finished_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
INSERT INTO tasks (
    key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root, worker, assignee, finished_at,
    due_at, body
)
    SELECT key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root, worker, assignee, finished_at,
        due_at,
        json_array(
            key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root,
            json(CASE callback WHEN 0 THEN 'false' ELSE 'true' END), start_by, run_ms, retry, ready_at,
            expires_at, retries, losses, losses_max, loss_backoff_ms, attempt, token, worker, holder, started_at,
            lease_until, json(CASE fenced WHEN 0 THEN 'false' ELSE 'true' END), assignee, denied, denied_until,
            finished_at, finished_by, result_key, error_code, error, failures
        )
    FROM tasks_wide;
DROP TABLE tasks_wide;
CREATE INDEX tasks_ready ON tasks (queue, level, tenant, lane, priority DESC, key) WHERE state = 1 AND assignee = '';
CREATE INDEX tasks_reserved ON tasks (queue, assignee, tenant) WHERE state = 1 AND assignee <> '';
CREATE INDEX tasks_due ON tasks (due_at) WHERE due_at < 4611686018427387903;
CREATE INDEX tasks_flow ON tasks (flow) WHERE flow <> 0;

CREATE TABLE history (
    key INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    queue TEXT NOT NULL,
    level INTEGER NOT NULL,
    lane TEXT NOT NULL,
    priority INTEGER NOT NULL,
    state INTEGER NOT NULL,
    dialect TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    flow INTEGER NOT NULL,
    root INTEGER NOT NULL,
    worker TEXT NOT NULL,
    assignee TEXT NOT NULL,
    finished_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
INSERT INTO history (
    key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root, worker, assignee, finished_at, body
)
    SELECT key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root, worker, assignee, finished_at,
        json_array(
            key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root,
            json(CASE callback WHEN 0 THEN 'false' ELSE 'true' END), start_by, run_ms, retry, ready_at,
            expires_at, retries, losses, losses_max, loss_backoff_ms, attempt, token, worker, holder, started_at,
            lease_until, json(CASE fenced WHEN 0 THEN 'false' ELSE 'true' END), assignee, denied, denied_until,
            finished_at, finished_by, result_key, error_code, error, failures
        )
    FROM history_wide;
DROP TABLE history_wide;
CREATE INDEX history_flow ON history (flow) WHERE flow <> 0;

CREATE VIEW task_view AS
    SELECT t.key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root,
        worker, assignee, finished_at, d.attributes,
        json_extract(body, '$[11]') AS callback, json_extract(body, '$[15]') AS ready_at,
        json_extract(body, '$[16]') AS expires_at, json_extract(body, '$[17]') AS retries,
        json_extract(body, '$[18]') AS losses, json_extract(body, '$[21]') AS attempt,
        json_extract(body, '$[24]') AS holder, json_extract(body, '$[26]') AS lease_until,
        json_extract(body, '$[32]') AS finished_by, json_extract(body, '$[33]') AS result_key,
        json_extract(body, '$[34]') AS error_code, json_extract(body, '$[35]') AS error
    FROM tasks t JOIN details d ON d.key = t.key
    UNION ALL
    SELECT t.key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root,
        worker, assignee, finished_at, d.attributes,
        json_extract(body, '$[11]') AS callback, json_extract(body, '$[15]') AS ready_at,
        json_extract(body, '$[16]') AS expires_at, json_extract(body, '$[17]') AS retries,
        json_extract(body, '$[18]') AS losses, json_extract(body, '$[21]') AS attempt,
        json_extract(body, '$[24]') AS holder, json_extract(body, '$[26]') AS lease_until,
        json_extract(body, '$[32]') AS finished_by, json_extract(body, '$[33]') AS result_key,
        json_extract(body, '$[34]') AS error_code, json_extract(body, '$[35]') AS error
    FROM history t JOIN details d ON d.key = t.key;
