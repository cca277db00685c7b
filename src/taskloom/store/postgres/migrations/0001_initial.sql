-- Hot tasks: narrow rows, short-lived. Column order is the field order of core.task.Task, then due_at.
-- Nothing here has a partial index on the leased state: with statistics taken while nothing was leased the
-- planner would believe it empty and walk its dead entries instead of the primary key.
CREATE TABLE tasks (
    key BIGINT PRIMARY KEY,
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
    callback BOOLEAN NOT NULL,
    ready_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    retries BIGINT NOT NULL,
    losses BIGINT NOT NULL,
    losses_max BIGINT NOT NULL,
    loss_backoff_ms BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    token BIGINT NOT NULL,
    worker TEXT COLLATE "C" NOT NULL,
    holder TEXT COLLATE "C" NOT NULL,
    lease_until BIGINT NOT NULL,
    fenced BOOLEAN NOT NULL,
    assignee TEXT COLLATE "C" NOT NULL,
    denied TEXT COLLATE "C" NOT NULL,
    denied_until BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    finished_by TEXT COLLATE "C" NOT NULL,
    result_key BIGINT NOT NULL,
    error_code TEXT COLLATE "C" NOT NULL,
    error TEXT COLLATE "C" NOT NULL,
    due_at BIGINT NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX tasks_ready ON tasks (queue, level, tenant, lane, priority DESC, key) WHERE state = 1 AND assignee = '';
CREATE INDEX tasks_reserved ON tasks (queue, assignee, tenant) WHERE state = 1 AND assignee <> '';
CREATE INDEX tasks_due ON tasks (due_at);
CREATE INDEX tasks_flow ON tasks (flow) WHERE flow <> 0;

-- Ended tasks: appended, never updated except by a reopening. No unique index, so that it can be partitioned by
-- any column; that a key is there once is seen to by the hot table's key and by locks.
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
    callback BOOLEAN NOT NULL,
    ready_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    retries BIGINT NOT NULL,
    losses BIGINT NOT NULL,
    losses_max BIGINT NOT NULL,
    loss_backoff_ms BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    token BIGINT NOT NULL,
    worker TEXT COLLATE "C" NOT NULL,
    holder TEXT COLLATE "C" NOT NULL,
    lease_until BIGINT NOT NULL,
    fenced BOOLEAN NOT NULL,
    assignee TEXT COLLATE "C" NOT NULL,
    denied TEXT COLLATE "C" NOT NULL,
    denied_until BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    finished_by TEXT COLLATE "C" NOT NULL,
    result_key BIGINT NOT NULL,
    error_code TEXT COLLATE "C" NOT NULL,
    error TEXT COLLATE "C" NOT NULL
);
CREATE INDEX history_key ON history (key);
CREATE INDEX history_flow ON history (flow) WHERE flow <> 0;

-- Written once with a task and never moved: attributes, callback address, input.
CREATE TABLE details (
    key BIGINT PRIMARY KEY,
    attributes BYTEA NOT NULL,
    callback TEXT NOT NULL,
    input BYTEA NOT NULL
);

CREATE VIEW task_view AS
    SELECT t.key, tenant, queue, level::bigint, lane, priority, state::bigint, dialect, created_at, flow, root,
        (t.callback::integer)::bigint AS callback, ready_at, expires_at, retries, losses, attempt, worker, holder,
        lease_until, assignee, finished_at, finished_by, result_key, error_code, error, d.attributes
    FROM tasks t JOIN details d ON d.key = t.key
    UNION ALL
    SELECT t.key, tenant, queue, level::bigint, lane, priority, state::bigint, dialect, created_at, flow, root,
        (t.callback::integer)::bigint AS callback, ready_at, expires_at, retries, losses, attempt, worker, holder,
        lease_until, assignee, finished_at, finished_by, result_key, error_code, error, d.attributes
    FROM history t JOIN details d ON d.key = t.key;

-- A member of the attributes as text: strings, integers and booleans; all else is as if absent.
CREATE FUNCTION attribute(body BYTEA, member TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $body$
DECLARE
    value JSON;
    said TEXT;
BEGIN
    value := convert_from(body, 'UTF8')::JSON -> member;
    said := value #>> '{}';
    CASE json_typeof(value)
        WHEN 'string' THEN RETURN replace(said, E'\x01', E'\x01\x02');
        WHEN 'boolean' THEN RETURN said;
        WHEN 'number' THEN RETURN CASE WHEN said ~ '^-?[0-9]+$' THEN said ELSE '' END;
        ELSE RETURN '';
    END CASE;
EXCEPTION
    WHEN data_exception THEN RETURN '';
END
$body$;

CREATE TABLE payloads (
    key BIGINT PRIMARY KEY,
    body BYTEA NOT NULL
);

-- `floor` is the clock at which the lane was last offered to join; it lets one statement carry it.
CREATE TABLE lanes (
    queue TEXT COLLATE "C" NOT NULL,
    level SMALLINT NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    lane TEXT COLLATE "C" NOT NULL,
    depth BIGINT NOT NULL,
    in_flight BIGINT NOT NULL,
    task_limit BIGINT NOT NULL DEFAULT 0,
    paused_until BIGINT NOT NULL DEFAULT 0,
    virtual_time BIGINT NOT NULL,
    floor BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, queue, level, lane)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX lanes_open ON lanes (queue, level, virtual_time, tenant, lane) WHERE depth > 0;
CREATE INDEX lanes_queue ON lanes (queue, level);

CREATE TABLE flows (
    key BIGINT PRIMARY KEY,
    root BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    state BYTEA NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE records (
    kind TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    body BYTEA NOT NULL,
    key BIGINT NOT NULL,
    PRIMARY KEY (tenant, kind, name)
);
CREATE INDEX records_name ON records (kind, name, tenant);
CREATE INDEX records_key ON records (key) WHERE key <> 0;

CREATE TABLE idempotency (
    tenant TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    answer BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, scope, key)
);

CREATE TABLE timers (
    flow BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (flow, name)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX timers_at ON timers (at);

CREATE TABLE subscriptions (
    tenant TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    flow BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (tenant, kind, name, key, flow)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX subscriptions_flow ON subscriptions (flow);

CREATE TABLE counters (
    flow BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (flow, name)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE outbox (
    key BIGINT PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    task BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    next_at BIGINT NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX outbox_next ON outbox (next_at);

CREATE TABLE follow_ups (
    key BIGINT PRIMARY KEY,
    body BYTEA NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);

-- The events of one transaction, numbered first..last without a gap.
CREATE TABLE journal (
    first BIGINT PRIMARY KEY,
    last BIGINT NOT NULL,
    body BYTEA NOT NULL
);

CREATE TABLE head (
    id SMALLINT PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0);
INSERT INTO head VALUES (1, 0);

-- Node numbers of the key makers: who has which one until when, and the highest key it has recorded.
CREATE TABLE nodes (
    node SMALLINT PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    until BIGINT NOT NULL,
    last_key BIGINT NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
INSERT INTO nodes SELECT n, '', 0, 0 FROM generate_series(0, 2047) AS n;

-- The last batch each writer connection committed: it answers whether a COMMIT whose answer was lost took place.
CREATE TABLE writers (
    node SMALLINT NOT NULL,
    writer SMALLINT NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (node, writer)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
