-- GR G3: to be swept in pieces; the floor moves with it.
UPDATE verdict_floor SET floor = max(floor, (SELECT coalesce(max(version), 0) FROM verdicts WHERE removed = 1 AND removed_at <= ? AND version < ?))

-- GR G3: to be swept in pieces.
DELETE FROM verdicts WHERE version < ? AND ((removed = 1 AND removed_at <= ?) OR (removed = 0 AND until <= ?))

-- GR G3: counted once a minute, 60 ms at the product's maximum of a million.
SELECT count(*) FROM verdicts WHERE removed = 0 AND until > ?

-- GR G3: a page sorts all verdicts in force.
SELECT version, id, kind, subject, action, reason, source, created_at, until, removed, removed_at FROM verdicts WHERE version < ? AND removed = 0 AND until > ? ORDER BY version DESC LIMIT ?

-- GR G3: a snapshot of the feed is one answer.
SELECT version, id, kind, subject, action, reason, source, created_at, until, removed, removed_at FROM verdicts WHERE version > ? AND (removed = 1 OR until > ?) ORDER BY version
