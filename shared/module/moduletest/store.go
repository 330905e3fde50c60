package moduletest

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	_ "modernc.org/sqlite" // registers the driver that reads the service's files

	"centinela/shared/module"
	"centinela/shared/secret"
	"centinela/shared/testkit"
)

// OnSQLite is a store in a folder of the test's own.
func OnSQLite(t testing.TB) module.Store {
	return module.Store{Engine: module.EngineSQLite, Dir: t.TempDir()}
}

// OnMongoDB is a store in a database of the test's own.
func OnMongoDB(t testing.TB) module.Store {
	uri, database := testkit.Mongo(t)
	return module.Store{Engine: module.EngineMongoDB, Dir: t.TempDir(), URI: secret.NewString(uri), Database: database}
}

// Engines are both, by name.
var Engines = map[string]func(testing.TB) module.Store{"sqlite": OnSQLite, "mongodb": OnMongoDB}

// Settle waits until nothing waits in the outbox.
func (w *World) Settle() { w.settled() }

// settled is what the store holds then.
func (w *World) settled() (lines []string) {
	w.T.Helper()
	testkit.Eventually(w.T, testkit.Patience, func() (bool, string) {
		var err error
		lines, err = w.lines()
		waiting := 0
		for _, line := range lines {
			if w.waits(line) {
				waiting++
			}
		}
		return err == nil && waiting == 0, fmt.Sprintf("%d rows wait in the outbox, %v", waiting, err)
	})
	return lines
}

// waits says whether a line is something that the outbox hasn't shipped. On MongoDB what is shipped stays in the log for
// a while.
func (w *World) waits(line string) bool {
	if w.Store.Engine == module.EngineMongoDB {
		return strings.HasPrefix(line, "outbox_waiting|") || strings.Contains(line, `"outbox":`)
	}
	return strings.HasPrefix(line, "outbox_log|")
}

// restless are the tables that change by themselves: readiness writes, and on MongoDB the outbox has a lease.
func (w *World) restless() []string {
	if w.Store.Engine == module.EngineMongoDB {
		return []string{"write_probe", "outbox_log", "outbox_cursor"}
	}
	return []string{"write_probe"}
}

func (w *World) lines() ([]string, error) {
	if w.Store.Engine != module.EngineMongoDB {
		return sqliteLines(w.T.Context(), w.Store)
	}
	if w.mongo == nil {
		client, err := mongo.Connect(options.Client().ApplyURI(w.Store.URI.Reveal()))
		if err != nil {
			return nil, err
		}
		w.mongo = client.Database(w.Store.Database)
		w.T.Cleanup(func() { _ = client.Disconnect(context.Background()) }) // it only read
	}
	return mongoLines(w.T.Context(), w.mongo)
}

// Contents is everything that the module's store holds: a line a row or document, each beginning with its table's name
// and a bar, sorted, but for the tables named except and those that change by themselves. It is read beside the module, which goes on; a service whose
// background work writes has to come to rest before.
func (w *World) Contents(except ...string) string {
	w.T.Helper()
	lines, err := w.lines()
	if err != nil {
		w.T.Fatalf("what the store holds: %v", err)
	}
	return w.sorted(lines, except)
}

func (w *World) sorted(lines, except []string) string {
	except = append(w.restless(), except...)
	lines = slices.DeleteFunc(lines, func(line string) bool {
		table, _, _ := strings.Cut(line, "|")
		return slices.Contains(except, table)
	})
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func sqliteLines(ctx context.Context, s module.Store) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(s.Dir, "*.db"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no database in the store's folder (%w)", err)
	}
	var lines []string
	for _, file := range files {
		rows, err := rowsIn(ctx, file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		lines = append(lines, rows...)
	}
	return lines, nil
}

// rowsIn are all rows of a database at one moment: what the outbox ships between two tables would else be missing in one
// and not yet noted in the other, which looks like rest.
func rowsIn(ctx context.Context, file string) ([]string, error) {
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: "mode=ro&_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // it only read
	// A query a table: SELECT 'table|' || quote("a") || '|' || quote("b") FROM "table".
	queries, err := texts(ctx, tx, `SELECT 'SELECT ''' || t.name || '|'' || ' || group_concat('quote("' || c.name || '")', ' || ''|'' || ') || ' FROM "' || t.name || '"'
		FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' GROUP BY t.name`)
	if err != nil {
		return nil, err
	}
	var rows []string
	for _, query := range queries {
		some, err := texts(ctx, tx, query)
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	return rows, nil
}

// texts are the rows of a query with one column.
func texts(ctx context.Context, tx *sql.Tx, query string) (out []string, err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, rows.Err()
}

func mongoLines(ctx context.Context, db *mongo.Database) (lines []string, err error) {
	names, err := db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		cursor, err := db.Collection(name).Find(ctx, bson.D{})
		if err != nil {
			return nil, err
		}
		var documents []bson.Raw
		if err := cursor.All(ctx, &documents); err != nil {
			return nil, err
		}
		for _, d := range documents {
			lines = append(lines, name+"|"+d.String())
		}
	}
	return lines, nil
}

// Difference names the tables in which two contents differ, and by how many lines. What stands in them is not shown: it
// may be secret.
func Difference(before, after string) string {
	lines, tables := map[string]int{}, map[string]int{}
	for line := range strings.SplitSeq(before, "\n") {
		lines[line]--
	}
	for line := range strings.SplitSeq(after, "\n") {
		lines[line]++
	}
	for line, n := range lines {
		if n != 0 {
			table, _, _ := strings.Cut(line, "|")
			tables[table]++
		}
	}
	var out []string
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		out = append(out, fmt.Sprintf("%s: %d lines", table, tables[table]))
	}
	return strings.Join(out, ", ")
}
