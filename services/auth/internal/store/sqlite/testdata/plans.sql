-- GR G1: to be swept in pieces.
DELETE FROM failures WHERE last_at < ?

-- GR G1: to be swept in pieces.
DELETE FROM sessions WHERE expires_at < ?1 OR (ended_at > 0 AND ended_at < ?1)

-- Sorts the sessions of one account that were used in the same millisecond.
SELECT id, account, last_used_at, expires_at, ended_at, body FROM sessions WHERE account = ? AND ended_at = 0 AND expires_at > ? ORDER BY last_used_at DESC, id
