-- Fair share on two levels: `shares` hold the clocks of tenants, `gates` the limits of a tenant's queue.
ALTER TABLE lanes ADD COLUMN rate BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN burst BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN rate_at_us BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN weight BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN entered BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN ended BIGINT NOT NULL DEFAULT 0;
DROP INDEX lanes_open;
CREATE INDEX lanes_open ON lanes (queue, level, tenant, virtual_time, lane) WHERE depth > 0;

CREATE TABLE shares (
    queue TEXT COLLATE "C" NOT NULL,
    level SMALLINT NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    depth BIGINT NOT NULL,
    in_flight BIGINT NOT NULL,
    virtual_time BIGINT NOT NULL,
    served_at BIGINT NOT NULL,
    floor BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, queue, level)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX shares_open ON shares (queue, level, virtual_time, tenant) WHERE depth > 0;
CREATE INDEX shares_queue ON shares (queue, level);
INSERT INTO shares (queue, level, tenant, depth, in_flight, virtual_time, served_at)
    SELECT queue, level, tenant, sum(depth), sum(in_flight), max(virtual_time), 0 FROM lanes
    GROUP BY queue, level, tenant;

CREATE TABLE gates (
    queue TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    in_flight BIGINT NOT NULL DEFAULT 0,
    task_limit BIGINT NOT NULL DEFAULT 0,
    rate BIGINT NOT NULL DEFAULT 0,
    burst BIGINT NOT NULL DEFAULT 0,
    rate_at_us BIGINT NOT NULL DEFAULT 0,
    paused_until BIGINT NOT NULL DEFAULT 0,
    key_limit BIGINT NOT NULL DEFAULT 0,
    key_rate BIGINT NOT NULL DEFAULT 0,
    batch_limit BIGINT NOT NULL DEFAULT 0,
    batch_rate BIGINT NOT NULL DEFAULT 0,
    aging_ms BIGINT NOT NULL DEFAULT 60000,
    PRIMARY KEY (tenant, queue)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
INSERT INTO gates (queue, tenant, in_flight)
    SELECT queue, tenant, sum(in_flight) FROM lanes GROUP BY queue, tenant;
