-- The record. Rows are added, never changed; body, token and signature are hashed.
CREATE TABLE entries (
	seq       INTEGER PRIMARY KEY,
	stored_at INTEGER NOT NULL,
	class     TEXT NOT NULL,
	token     BLOB NOT NULL, -- finds a person's entries; empty without one
	body      BLOB NOT NULL, -- the envelope, canonical
	openings  BLOB NOT NULL, -- its personal fields, sealed
	signature BLOB NOT NULL, -- of the source's log up to here; empty but at the end of a shipment
	prev_hash BLOB NOT NULL,
	hash      BLOB NOT NULL
) STRICT;
CREATE INDEX entries_person ON entries (token, class, seq) WHERE token <> x'';

-- The keys of persons, wrapped; without its key a person is erased.
CREATE TABLE people (
	token   BLOB PRIMARY KEY,
	wrapped BLOB NOT NULL -- empty: destroyed
) STRICT, WITHOUT ROWID;

-- How far each source's log is in the record. All are of the row sources_seq.
CREATE TABLE sources (
	source TEXT PRIMARY KEY,
	n      INTEGER NOT NULL,
	hash   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE sources_seq (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	seq INTEGER NOT NULL
) STRICT;
INSERT INTO sources_seq (one, seq) VALUES (1, 0);

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
	about      TEXT NOT NULL, -- source, action and subjects
	until      INTEGER NOT NULL,
	body       BLOB NOT NULL, -- JSON: shared/verdicts.Verdict
	removed    INTEGER NOT NULL,
	removed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX verdicts_until ON verdicts (removed, until);
CREATE INDEX verdicts_removed_at ON verdicts (removed, removed_at);
CREATE INDEX verdicts_about ON verdicts (about, removed, until);

-- One row: a follower below the floor may not know of every removal.
CREATE TABLE verdict_floor (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	floor INTEGER NOT NULL
) STRICT;
INSERT INTO verdict_floor (one, floor) VALUES (1, 0);
