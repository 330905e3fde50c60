-- A conversation's body is written once. What each message changes is in heads, which are short.
CREATE TABLE conversations (
    id         TEXT PRIMARY KEY,
    direct_key TEXT UNIQUE, -- NULL for a group
    body       TEXT NOT NULL
) STRICT;

CREATE TABLE heads (
    conversation TEXT PRIMARY KEY REFERENCES conversations (id),
    last_seq     INTEGER NOT NULL,
    active_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The lists of conversations, one a person.
CREATE TABLE members (
    conversation TEXT NOT NULL REFERENCES conversations (id),
    account      TEXT NOT NULL,
    active_at    INTEGER NOT NULL, -- the head's
    PRIMARY KEY (conversation, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_list ON members (account, active_at, conversation);

CREATE TABLE messages (
    conversation TEXT NOT NULL REFERENCES heads (conversation),
    seq          INTEGER NOT NULL,
    sender       TEXT NOT NULL,
    client_id    TEXT NOT NULL,
    kind         TEXT NOT NULL,
    text         TEXT NOT NULL,
    reply_to     INTEGER NOT NULL, -- 0 for none
    digest       TEXT NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (conversation, seq),
    UNIQUE (conversation, sender, client_id)
) STRICT, WITHOUT ROWID;

-- Digests that audit wasn't told of yet.
CREATE TABLE digests (
    id        TEXT PRIMARY KEY,
    owner     TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    body      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX digests_owner ON digests (owner, opened_at, id);
CREATE INDEX digests_opened ON digests (opened_at, id);
