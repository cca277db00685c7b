-- What a task costs does not depend on how many lanes its queue ever had: the clocks of idle ones have an index, and shares
-- keep the totals of all their lanes.
CREATE INDEX lanes_idle ON lanes (queue, level, tenant, virtual_time) WHERE depth <= 0;
CREATE INDEX shares_idle ON shares (queue, level, virtual_time) WHERE depth <= 0;
ALTER TABLE shares ADD COLUMN entered BIGINT NOT NULL DEFAULT 0, ADD COLUMN ended BIGINT NOT NULL DEFAULT 0;
UPDATE shares SET entered = sums.entered, ended = sums.ended
FROM (
    SELECT queue, level, tenant, sum(entered) AS entered, sum(ended) AS ended FROM lanes GROUP BY queue, level, tenant
) AS sums
WHERE sums.queue = shares.queue AND sums.level = shares.level AND sums.tenant = shares.tenant;
