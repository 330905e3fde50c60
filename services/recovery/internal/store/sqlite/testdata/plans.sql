-- GR G1: to be pruned in pieces.
DELETE FROM counters WHERE expires_at <= ?
DELETE FROM flows WHERE forget_at <= ?
DELETE FROM texts WHERE finished_at > 0 AND finished_at <= ?

-- Development only: what the simulator delivered.
DELETE FROM inbox WHERE at <= ?
SELECT id, number, body, at FROM inbox WHERE ?1 = '' OR number = ?1 ORDER BY at DESC, seq DESC LIMIT ?2

-- Sorts the open flows of one account.
SELECT body FROM flows WHERE account = ? AND account <> '' AND open_until > 0 AND open_until > ? ORDER BY started_at DESC, id DESC

-- Sorts the flows of one account that were started in the same millisecond.
SELECT body FROM flows WHERE account = ? AND account <> '' ORDER BY started_at DESC, id DESC LIMIT ?

-- Sorts the texts that are due in the same millisecond.
SELECT body FROM texts WHERE next_at > 0 AND next_at <= ? ORDER BY next_at, id LIMIT ?
