-- GR G6: a page looks at all of an account's conversations.
SELECT c.id, c.kind, c.title, coalesce(c.direct_key, ''), c.created_by, c.last_seq, c.created_at, c.active_at FROM members m JOIN conversations c ON c.id = m.conversation WHERE m.account = ? ORDER BY c.active_at DESC, c.id DESC LIMIT ?
SELECT c.id, c.kind, c.title, coalesce(c.direct_key, ''), c.created_by, c.last_seq, c.created_at, c.active_at FROM members m JOIN conversations c ON c.id = m.conversation WHERE m.account = ? AND (c.active_at, c.id) < (?, ?) ORDER BY c.active_at DESC, c.id DESC LIMIT ?

-- Sorts the members of one conversation.
SELECT conversation, account, user_name, added_at FROM members WHERE conversation IN (SELECT value FROM json_each(?)) ORDER BY conversation, position
