package sqlitex

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"modernc.org/sqlite"
)

const (
	// DefaultCache is the writer's page cache: 32 MiB.
	DefaultCache = 32 << 20
	// mapped is how much of the file readers see without copying, of which only what
	// is read takes memory, shared with the system's cache: 1 GiB. A look-up at a
	// million accounts costs half of the CPU with it (findings: growth G4).
	mapped = 1 << 30
	// longestWAL is what the WAL is cut to when it is begun anew, after a large
	// transaction has made it longer: 32 MiB, twice what a checkpoint waits for.
	longestWAL = 32 << 20
)

// Option changes how [Open] opens.
type Option func(*handles)

// Cache gives the writer that much memory for pages, in bytes, instead of
// [DefaultCache]. Readers use the system's cache.
func Cache(bytes int64) Option { return func(h *handles) { h.cache = bytes } }

// handles opens the two handles of a [DB].
type handles struct {
	path, store string
	cache       int64
	hooks       Hooks
	observed    bool
	faulted     *atomic.Bool
}

func newHandles(ctx context.Context, path string, options []Option) *handles {
	h := &handles{path: path, store: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), cache: DefaultCache, faulted: new(atomic.Bool)}
	h.hooks, h.observed = ctx.Value(hooksKey{}).(Hooks)
	for _, option := range options {
		option(h)
	}
	return h
}

// openWrite is one connection for the one writer.
func (h *handles) openWrite() (*sql.DB, error) {
	synchronous := "FULL"
	if h.observed {
		synchronous = "OFF"
	}
	pragmas := []string{
		// Only a new file takes it: what a sweep takes away can go back to the file system (Prune).
		"auto_vacuum(INCREMENTAL)",
		"foreign_keys(1)", "journal_mode(WAL)", "synchronous(" + synchronous + ")",
		// The savepoint of each change spilled into a temporary file, nine pages a chat message.
		"temp_store(memory)",
		// 16 MiB of WAL between checkpoints instead of 4: each copies the hot pages anew.
		"wal_autocheckpoint(4000)",
		fmt.Sprintf("journal_size_limit(%d)", longestWAL),
		fmt.Sprintf("cache_size(-%d)", h.cache>>10), // negative: KiB
	}
	return h.open(true, 1, pragmas, 0, "_txlock=immediate")
}

func (h *handles) openRead() (*sql.DB, error) {
	size := mapped
	if h.observed {
		size = 0
	}
	return h.open(false, max(4, runtime.NumCPU()), []string{"query_only(1)"}, size)
}

func (h *handles) open(steady bool, conns int, pragmas []string, mmap int, options ...string) (*sql.DB, error) {
	unmapped, err := sqlite.NewConnector(dsn(h.path, pragmas, options...))
	if err != nil {
		return nil, err
	}
	c, err := sqlite.NewConnector(dsn(h.path, append(pragmas, fmt.Sprintf("mmap_size(%d)", mmap)), options...))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(&connector{Connector: c, unmapped: unmapped, faulted: h.faulted, store: h.store, steady: steady, hooks: h.hooks})
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// dsn puts the busy timeout first: the later pragmas may meet a lock.
func dsn(path string, pragmas []string, options ...string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: fmt.Sprintf("_pragma=busy_timeout(%d)", busyTimeout.Milliseconds())}
	for _, pragma := range pragmas {
		u.RawQuery += "&_pragma=" + pragma
	}
	for _, option := range options {
		u.RawQuery += "&" + option
	}
	return u.String()
}

// Hooks let a test see what a store does, through whatever opens it: package
// sqlitextest. They are called in the goroutine that uses the connection.
type Hooks struct {
	Connected func(c driver.Conn)
	// Statement comes before each execution.
	Statement func(c driver.QueryerContext, query string, args []driver.NamedValue)
}

type hooksKey struct{}

// WithHooks is a context for [Open]. Such a database maps no memory, so that
// every page that is read is counted, and doesn't wait for the disk.
func WithHooks(ctx context.Context, h Hooks) context.Context {
	return context.WithValue(ctx, hooksKey{}, h)
}

func (c *conn) observe(query string, args []driver.NamedValue) {
	if c.hooks.Statement != nil {
		c.hooks.Statement(c.fullConn, query, args)
	}
}
