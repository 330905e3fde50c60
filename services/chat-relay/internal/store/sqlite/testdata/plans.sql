-- A row a relay: this one, and those that were killed and not yet made good.
SELECT id, until FROM owners ORDER BY id
