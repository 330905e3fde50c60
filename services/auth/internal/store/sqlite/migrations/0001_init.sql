CREATE TABLE accounts (
	id        TEXT PRIMARY KEY,
	name_key  TEXT NOT NULL UNIQUE,
	ending_at INTEGER NOT NULL, -- ms, as all times; 0: its sessions are as they should be
	body      TEXT NOT NULL
) STRICT;
CREATE INDEX accounts_ending ON accounts (ending_at, id) WHERE ending_at > 0;

CREATE TABLE sessions (
	id           TEXT PRIMARY KEY,
	account      TEXT NOT NULL,
	last_used_at INTEGER NOT NULL,
	expires_at   INTEGER NOT NULL,
	ended_at     INTEGER NOT NULL, -- 0: not ended
	access_until INTEGER NOT NULL,
	body         TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_account ON sessions (account, last_used_at DESC, id) WHERE ended_at = 0;
CREATE INDEX sessions_expires ON sessions (expires_at);
CREATE INDEX sessions_ended ON sessions (ended_at, id, access_until) WHERE ended_at > 0;

CREATE TABLE limit_counters (
	id         TEXT PRIMARY KEY, -- the limit's name and a keyed hash
	count      INTEGER NOT NULL,
	window_end INTEGER NOT NULL, -- ms, as all times
	last_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX limit_counters_end ON limit_counters (window_end);
