-- Fair share on two levels: `shares` hold the clocks of tenants, `gates` the limits of a tenant's queue.
ALTER TABLE lanes ADD COLUMN rate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lanes ADD COLUMN burst INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lanes ADD COLUMN rate_at_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lanes ADD COLUMN weight INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lanes ADD COLUMN entered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lanes ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
DROP INDEX lanes_open;
CREATE INDEX lanes_open ON lanes (queue, level, tenant, virtual_time) WHERE depth > 0;

CREATE TABLE shares (
    queue TEXT NOT NULL,
    level INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    depth INTEGER NOT NULL,
    in_flight INTEGER NOT NULL,
    virtual_time INTEGER NOT NULL,
    served_at INTEGER NOT NULL,
    PRIMARY KEY (queue, level, tenant)
) STRICT, WITHOUT ROWID;
CREATE INDEX shares_open ON shares (queue, level, virtual_time) WHERE depth > 0;
INSERT INTO shares
    SELECT queue, level, tenant, sum(depth), sum(in_flight), max(virtual_time), 0 FROM lanes
    GROUP BY queue, level, tenant;

CREATE TABLE gates (
    queue TEXT NOT NULL,
    tenant TEXT NOT NULL,
    in_flight INTEGER NOT NULL DEFAULT 0,
    task_limit INTEGER NOT NULL DEFAULT 0,
    rate INTEGER NOT NULL DEFAULT 0,
    burst INTEGER NOT NULL DEFAULT 0,
    rate_at_us INTEGER NOT NULL DEFAULT 0,
    paused_until INTEGER NOT NULL DEFAULT 0,
    key_limit INTEGER NOT NULL DEFAULT 0,
    key_rate INTEGER NOT NULL DEFAULT 0,
    batch_limit INTEGER NOT NULL DEFAULT 0,
    batch_rate INTEGER NOT NULL DEFAULT 0,
    aging_ms INTEGER NOT NULL DEFAULT 60000,
    PRIMARY KEY (queue, tenant)
) STRICT, WITHOUT ROWID;
INSERT INTO gates (queue, tenant, in_flight)
    SELECT queue, tenant, sum(in_flight) FROM lanes GROUP BY queue, tenant;
