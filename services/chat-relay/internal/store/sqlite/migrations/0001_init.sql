CREATE TABLE conversations (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    title      TEXT NOT NULL,
    direct_key TEXT UNIQUE, -- NULL for a group
    created_by TEXT NOT NULL,
    last_seq   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    active_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    conversation TEXT NOT NULL REFERENCES conversations (id),
    account      TEXT NOT NULL,
    position     INTEGER NOT NULL,
    user_name    TEXT NOT NULL,
    added_at     INTEGER NOT NULL,
    PRIMARY KEY (conversation, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_account ON members (account, conversation);

CREATE TABLE messages (
    conversation TEXT NOT NULL REFERENCES conversations (id),
    seq          INTEGER NOT NULL,
    sender       TEXT NOT NULL,
    client_id    TEXT NOT NULL,
    kind         TEXT NOT NULL,
    text         TEXT NOT NULL,
    reply_to     INTEGER NOT NULL, -- 0 for none
    at           INTEGER NOT NULL,
    PRIMARY KEY (conversation, seq),
    UNIQUE (conversation, sender, client_id)
) STRICT, WITHOUT ROWID;
