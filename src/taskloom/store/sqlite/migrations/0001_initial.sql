-- Hot tasks: narrow rows, short-lived. Column order is the field order of core.task.Task, then due_at.
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
    callback INTEGER NOT NULL,
    ready_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    losses INTEGER NOT NULL,
    losses_max INTEGER NOT NULL,
    loss_backoff_ms INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    token INTEGER NOT NULL,
    worker TEXT NOT NULL,
    holder TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    fenced INTEGER NOT NULL,
    assignee TEXT NOT NULL,
    denied TEXT NOT NULL,
    denied_until INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    finished_by TEXT NOT NULL,
    result_key INTEGER NOT NULL,
    error_code TEXT NOT NULL,
    error TEXT NOT NULL,
    due_at INTEGER NOT NULL
) STRICT;
CREATE INDEX tasks_ready ON tasks (queue, level, tenant, lane, priority DESC, key) WHERE state = 1 AND assignee = '';
CREATE INDEX tasks_reserved ON tasks (queue, assignee, tenant) WHERE state = 1 AND assignee <> '';
CREATE INDEX tasks_due ON tasks (due_at) WHERE due_at < 4611686018427387903;
CREATE INDEX tasks_flow ON tasks (flow) WHERE flow <> 0;

-- Ended tasks: appended, never updated except by a reopening.
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
    callback INTEGER NOT NULL,
    ready_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    losses INTEGER NOT NULL,
    losses_max INTEGER NOT NULL,
    loss_backoff_ms INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    token INTEGER NOT NULL,
    worker TEXT NOT NULL,
    holder TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    fenced INTEGER NOT NULL,
    assignee TEXT NOT NULL,
    denied TEXT NOT NULL,
    denied_until INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    finished_by TEXT NOT NULL,
    result_key INTEGER NOT NULL,
    error_code TEXT NOT NULL,
    error TEXT NOT NULL
) STRICT;
CREATE INDEX history_flow ON history (flow) WHERE flow <> 0;

-- Written once with a task and never moved: attributes, callback address, input.
CREATE TABLE details (
    key INTEGER PRIMARY KEY,
    attributes BLOB NOT NULL,
    callback TEXT NOT NULL,
    input BLOB NOT NULL
) STRICT;

CREATE VIEW task_view AS
    SELECT t.key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root, t.callback,
        ready_at, expires_at, retries, losses, attempt, worker, holder, lease_until, assignee, finished_at,
        finished_by, result_key, error_code, error, d.attributes
    FROM tasks t JOIN details d ON d.key = t.key
    UNION ALL
    SELECT t.key, tenant, queue, level, lane, priority, state, dialect, created_at, flow, root, t.callback,
        ready_at, expires_at, retries, losses, attempt, worker, holder, lease_until, assignee, finished_at,
        finished_by, result_key, error_code, error, d.attributes
    FROM history t JOIN details d ON d.key = t.key;

CREATE TABLE payloads (
    key INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE lanes (
    queue TEXT NOT NULL,
    level INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    lane TEXT NOT NULL,
    depth INTEGER NOT NULL,
    in_flight INTEGER NOT NULL,
    task_limit INTEGER NOT NULL DEFAULT 0,
    paused_until INTEGER NOT NULL DEFAULT 0,
    virtual_time INTEGER NOT NULL,
    PRIMARY KEY (queue, level, tenant, lane)
) STRICT, WITHOUT ROWID;
CREATE INDEX lanes_open ON lanes (queue, level, virtual_time) WHERE depth > 0;

CREATE TABLE flows (
    key INTEGER PRIMARY KEY,
    root INTEGER NOT NULL,
    kind TEXT NOT NULL,
    tenant TEXT NOT NULL,
    state BLOB NOT NULL
) STRICT;

CREATE TABLE records (
    kind TEXT NOT NULL,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    body BLOB NOT NULL,
    key INTEGER NOT NULL,
    PRIMARY KEY (kind, tenant, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX records_key ON records (key) WHERE key <> 0;

CREATE TABLE idempotency (
    tenant TEXT NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    answer BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, scope, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE timers (
    flow INTEGER NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (flow, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX timers_at ON timers (at);

CREATE TABLE subscriptions (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    flow INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (tenant, kind, name, key, flow)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscriptions_flow ON subscriptions (flow);

CREATE TABLE counters (
    flow INTEGER NOT NULL,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (flow, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    key INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    task INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    next_at INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_next ON outbox (next_at);

CREATE TABLE follow_ups (
    key INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- The events of one transaction, numbered first..last without a gap.
CREATE TABLE journal (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL,
    last_key INTEGER NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, 0);
