-- How long a flow can still come to something (ms; 0: it is over), so that a veto
-- finds all of them however many were started since.
ALTER TABLE flows ADD COLUMN open_until INTEGER NOT NULL DEFAULT 0;
UPDATE flows SET open_until = forget_at WHERE account <> '';
CREATE INDEX flows_open ON flows (account, open_until) WHERE open_until > 0;

CREATE INDEX texts_owner ON texts (owner);
