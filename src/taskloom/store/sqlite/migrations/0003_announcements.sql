-- A call is the end of a task to the task's own address, or an announcement; then "task" may be a flow.
ALTER TABLE outbox ADD COLUMN line TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN webhook INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN body BLOB NOT NULL DEFAULT x'';
ALTER TABLE outbox ADD COLUMN log BLOB NOT NULL DEFAULT x'';
ALTER TABLE outbox ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET line = tenant, since = next_at;
DROP INDEX outbox_next;
CREATE INDEX outbox_due ON outbox (line, next_at);
CREATE INDEX outbox_task ON outbox (task, webhook);
