package e2e

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	_ "modernc.org/sqlite" // registers the driver that reads audit's file

	"centinela/gateway/cli/story"
	"centinela/shared/record"
)

// entry is what of an entry of the record matters here. Whose it is the record's
// owner knows by a keyed token alone.
type entry struct {
	ID, Action, Person string
}

func entryOf(t *testing.T, body, token []byte) entry {
	t.Helper()
	env, err := record.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	return entry{env.Event.ID, env.Event.Action, string(token)}
}

// record reads the whole record from audit's database, as its owner can.
func (s *world) record(t *testing.T) (entries []entry) {
	t.Helper()
	ctx := t.Context()
	if s.engine == onMongoDB {
		client, err := mongo.Connect(options.Client().ApplyURI(s.uri))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = client.Disconnect(context.WithoutCancel(ctx)) }() // it only read
		cursor, err := client.Database(s.database+"_audit").Collection("entries").Find(ctx, bson.D{})
		if err != nil {
			t.Fatal(err)
		}
		var docs []struct{ Body, Token []byte }
		if err := cursor.All(ctx, &docs); err != nil {
			t.Fatal(err)
		}
		for _, doc := range docs {
			entries = append(entries, entryOf(t, doc.Body, doc.Token))
		}
		return entries
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.Data, "audit", "audit.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, `SELECT body, token FROM entries`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var body, token []byte
		if err := rows.Scan(&body, &token); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entryOf(t, body, token))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return entries
}

// checkRecord (R5.1): every event is in the record once, by its id, and what the
// story's heroine did so often as she did it. Her account is the one with a veto.
func checkRecord(t *testing.T, entries []entry) {
	t.Helper()
	ids, ana := map[string]int{}, ""
	for _, e := range entries {
		ids[e.ID]++
		if e.Action == "recovery.vetoed" {
			ana = e.Person
		}
	}
	for id, n := range ids {
		if n != 1 || id == "" {
			t.Errorf("the event %q is recorded %d times", id, n)
		}
	}
	counts := map[string]int{}
	for _, e := range entries {
		if e.Person == ana {
			counts[e.Action]++
		}
	}
	for action, want := range story.Recorded() {
		if counts[action] != want {
			t.Errorf("%s is recorded %d times, not %d", action, counts[action], want)
		}
	}
}
