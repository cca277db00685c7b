-- A call is the end of a task to the task's own address, or an announcement; then "task" may be a flow.
ALTER TABLE outbox ADD COLUMN line TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN webhook BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN name TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN body BYTEA NOT NULL DEFAULT '\x';
ALTER TABLE outbox ADD COLUMN log BYTEA NOT NULL DEFAULT '\x';
ALTER TABLE outbox ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
UPDATE outbox SET line = tenant, since = next_at;
DROP INDEX outbox_next;
CREATE INDEX outbox_due ON outbox (line, next_at, key);
CREATE INDEX outbox_task ON outbox (task, webhook, key);
