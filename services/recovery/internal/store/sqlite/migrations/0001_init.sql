-- Wallets, flows and texts are documents (body, with the number of its shape in
-- front), with the columns that are looked for.
CREATE TABLE wallets (
	account  TEXT PRIMARY KEY,
	next_at  INTEGER NOT NULL, -- ms; 0: nothing is due by time alone
	attempts INTEGER NOT NULL, -- how often what was due failed in a row
	body     TEXT NOT NULL
) STRICT;
CREATE INDEX wallets_next ON wallets (next_at) WHERE next_at > 0;

-- Which wallets hold a number, by its keyed MAC.
CREATE TABLE wallet_numbers (
	mac     TEXT NOT NULL,
	account TEXT NOT NULL REFERENCES wallets (account) ON DELETE CASCADE,
	PRIMARY KEY (mac, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX wallet_numbers_account ON wallet_numbers (account);

CREATE TABLE flows (
	id         TEXT PRIMARY KEY,
	account    TEXT NOT NULL, -- '' for flows that lead nowhere
	started_at INTEGER NOT NULL,
	next_at    INTEGER NOT NULL,
	attempts   INTEGER NOT NULL,
	forget_at  INTEGER NOT NULL,
	open_until INTEGER NOT NULL, -- how long it can still come to something (0: it is over): a veto finds them all
	body       TEXT NOT NULL
) STRICT;
CREATE INDEX flows_open ON flows (account, open_until) WHERE open_until > 0;
CREATE INDEX flows_account ON flows (account, started_at, id);
CREATE INDEX flows_next ON flows (next_at) WHERE next_at > 0;
CREATE INDEX flows_forget ON flows (forget_at);

-- The policies that decided, as they were read.
CREATE TABLE policies (
	hash TEXT PRIMARY KEY,
	text TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE veto_tokens (
	hash TEXT PRIMARY KEY,
	flow TEXT NOT NULL REFERENCES flows (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX veto_tokens_flow ON veto_tokens (flow);

CREATE TABLE texts (
	id          TEXT PRIMARY KEY, -- in order of time
	owner       TEXT NOT NULL,
	key         TEXT NOT NULL, -- names the text among its owner's, so that it is written once
	next_at     INTEGER NOT NULL, -- 0: finished
	provider_id TEXT NOT NULL,
	finished_at INTEGER NOT NULL,
	body        TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX texts_key ON texts (owner, key);
CREATE INDEX texts_next ON texts (next_at) WHERE next_at > 0;
CREATE INDEX texts_provider ON texts (provider_id) WHERE provider_id <> '';
CREATE INDEX texts_finished ON texts (finished_at) WHERE finished_at > 0;

-- Development only: what the simulator delivered.
CREATE TABLE inbox (
	seq    INTEGER PRIMARY KEY AUTOINCREMENT,
	id     TEXT NOT NULL UNIQUE,
	number TEXT NOT NULL,
	body   TEXT NOT NULL,
	at     INTEGER NOT NULL
) STRICT;
CREATE INDEX inbox_at ON inbox (at, seq);
CREATE INDEX inbox_number ON inbox (number, at, seq);

-- What sqlitex.CountersTable says.
CREATE TABLE limit_counters (
	id         TEXT PRIMARY KEY, -- the limit's name and a keyed hash
	count      INTEGER NOT NULL,
	window_end INTEGER NOT NULL, -- ms, as all times
	last_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX limit_counters_end ON limit_counters (window_end);
