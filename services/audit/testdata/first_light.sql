-- The record. Every column is hashed into the entry; rows are added, never changed.
CREATE TABLE entries (
	seq        INTEGER PRIMARY KEY,
	id         TEXT NOT NULL UNIQUE,
	time       INTEGER NOT NULL,
	service    TEXT NOT NULL,
	action     TEXT NOT NULL,
	outcome    TEXT NOT NULL,
	account    TEXT NOT NULL,
	session    TEXT NOT NULL,
	target     TEXT NOT NULL,
	address    TEXT NOT NULL,
	device     TEXT NOT NULL,
	user_agent TEXT NOT NULL,
	request_id TEXT NOT NULL,
	reason     TEXT NOT NULL,
	data       TEXT NOT NULL, -- JSON object of texts
	prev_hash  BLOB NOT NULL,
	hash       BLOB NOT NULL,
	stored_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX entries_account ON entries (account, seq) WHERE account <> '';

CREATE TABLE followers (
	name TEXT PRIMARY KEY,
	seq  INTEGER NOT NULL
) STRICT;

CREATE TABLE places (
	account    TEXT NOT NULL,
	network    TEXT NOT NULL, -- keyed hash
	first_seen INTEGER NOT NULL,
	last_seen  INTEGER NOT NULL,
	count      INTEGER NOT NULL,
	seq        INTEGER NOT NULL,
	PRIMARY KEY (account, network)
) STRICT, WITHOUT ROWID;

CREATE TABLE verdicts (
	version    INTEGER PRIMARY KEY,
	id         TEXT NOT NULL UNIQUE,
	kind       TEXT NOT NULL,
	subject    TEXT NOT NULL,
	action     TEXT NOT NULL,
	reason     TEXT NOT NULL,
	source     TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	until      INTEGER NOT NULL,
	removed    INTEGER NOT NULL,
	removed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX verdicts_until ON verdicts (removed, until);
CREATE INDEX verdicts_removed_at ON verdicts (removed, removed_at);

-- One row: a follower below the floor may not know of every removal.
CREATE TABLE verdict_floor (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	floor INTEGER NOT NULL
) STRICT;
INSERT INTO verdict_floor (one, floor) VALUES (1, 0);
