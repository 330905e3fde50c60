package moduletest

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	_ "modernc.org/sqlite" // registers the driver that reads the service's files

	"centinela/shared/module"
	"centinela/shared/obs"
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

// Settle waits until audit has all events of the store's outbox.
func (w *World) Settle() { w.settled() }

// settled is what the store holds then.
func (w *World) settled() (lines []string) {
	w.T.Helper()
	testkit.Eventually(w.T, testkit.Patience, func() (bool, string) {
		waiting, err := 0, error(nil)
		for range w.looks() {
			if lines, waiting, err = w.lines(); err != nil || waiting > 0 {
				break
			}
		}
		return err == nil && waiting == 0, fmt.Sprintf("%d events wait in the outbox, %v", waiting, err)
	})
	return lines
}

// looks is how often nothing must wait: while one looks on MongoDB, an event may go from a document, which is read last,
// into the log, which was read first.
func (w *World) looks() int {
	if w.Store.Engine == module.EngineMongoDB {
		return 2
	}
	return 1
}

// lines are the rows of all tables but the outbox's log and cursor, which change by themselves when events are shipped.
// Instead there is a line with the number of the newest event. waiting counts those that audit doesn't have.
func (w *World) lines() (lines []string, waiting int, err error) {
	if w.Store.Engine == module.EngineMongoDB {
		lines, err = w.mongoLines()
	} else {
		lines, err = sqliteLines(w.T.Context(), w.Store)
	}
	last := 0
	lines = slices.DeleteFunc(lines, func(line string) bool {
		if strings.HasPrefix(line, "outbox_waiting|") || strings.Contains(line, `"outbox":`) { // MongoDB's
			waiting++
		}
		found := numbered.FindStringSubmatch(line)
		if found != nil {
			n, _ := strconv.Atoi(found[1] + found[2] + found[3]) // digits: one of them
			last = max(last, n)
		}
		return found != nil
	})
	held := int(w.Metric(obs.Metric(w.Service, "outbox_held")))
	return append(lines, fmt.Sprintf("outbox|%d", last)), waiting + max(0, last-held), err
}

// numbered are the lines of the log and of its cursor, on SQLite and on MongoDB.
var numbered = regexp.MustCompile(`^(?:outbox_log\|(\d+)\||outbox_cursor\|1\|'[^']*'\|'[^']*'\|(\d+)\||outbox_(?:log|cursor)\|\{.*"n": ?\{"\$numberLong": ?"(\d+)"\})`)

func (w *World) mongoLines() ([]string, error) {
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
// and a bar, sorted, but for the tables named except and those that change by themselves (of the outbox there is how many
// events it ever had). It is read beside the module, which goes on; a service whose background work writes has to come to
// rest before.
func (w *World) Contents(except ...string) string {
	w.T.Helper()
	lines, _, err := w.lines()
	if err != nil {
		w.T.Fatalf("what the store holds: %v", err)
	}
	return sorted(lines, except)
}

func sorted(lines, except []string) string {
	except = append([]string{"write_probe"}, except...) // readiness writes
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
