package sqlitex

import (
	"context"
	"database/sql/driver"
	"errors"
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

// connector is the driver with what both handles of a [DB] need: statements stay
// prepared, what the machine fails at is a fault that names the store, and a fault
// in mapped memory is an error.
type connector struct {
	driver.Connector
	unmapped driver.Connector // instead, after a fault: what can't be read is an error of SQLite's then
	faulted  *atomic.Bool     // of both handles
	store    string
	// steady leaves cancellation out, for the write connection: SQLite answers an
	// interrupted INSERT, UPDATE or DELETE by rolling the whole transaction back
	// (sqlite.org/c3ref/interrupt.html), which would take the changes of the other
	// callers with it. Statements on a local file are short.
	steady bool
	hooks  Hooks
}

func (k *connector) Connect(ctx context.Context) (driver.Conn, error) {
	open := k.Connector
	if k.faulted.Load() {
		open = k.unmapped
	}
	c, err := open.Connect(ctx)
	if err != nil {
		return nil, k.failure(err)
	}
	full, ok := c.(fullConn)
	if !ok {
		return nil, errors.Join(errors.New("sqlite driver lacks the context interfaces"), c.Close())
	}
	if k.hooks.Connected != nil {
		k.hooks.Connected(full)
	}
	return &conn{fullConn: full, connector: k, ready: map[string]*stmt{}}, nil
}

// context is ctx as the connection heeds it.
func (k *connector) context(ctx context.Context) context.Context {
	if k.steady {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// maxReady bounds the statements that a connection keeps prepared. The callers'
// statements are constants; what is above it is parsed each time.
const maxReady = 64

// conn keeps what it executes prepared: parsing the same few statements for each
// message took a third of the chat relay's CPU.
type conn struct {
	fullConn
	*connector
	ready map[string]*stmt
	lost  bool // a fault in mapped memory left it in an unknown state
}

// attempt runs one call of the driver.
func attempt[T any](c *conn, call func() (T, error)) (v T, err error) {
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		if cause := recover(); cause != nil {
			if !isMemoryFault(cause) {
				panic(cause)
			}
			c.lost = true
			c.faulted.Store(true)
			err = c.unable(unreadable, cause.(error))
		}
	}()
	v, err = call()
	return v, c.failure(err)
}

// run is attempt of a call without a result.
func (c *conn) run(call func() error) error {
	_, err := attempt(c, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// isMemoryFault knows the SIGBUS of mapped memory whose page can't be read, because
// the disk fails or somebody cut the file off (sqlite.org/mmap.html, "An I/O error
// on a memory-mapped file"). The runtime gives such a panic its address.
func isMemoryFault(cause any) bool {
	fault, ok := cause.(interface {
		runtime.Error
		Addr() uintptr
	})
	return ok && fault.Addr() != 0
}

// kept is the prepared statement of that text; nil when one is being read still,
// or there is no more room.
func (c *conn) kept(ctx context.Context, query string) (*stmt, error) {
	s, known := c.ready[query]
	if known && s.reading || !known && len(c.ready) >= maxReady {
		return nil, nil
	}
	if known {
		return s, nil
	}
	s, err := c.prepare(ctx, query)
	if err == nil {
		c.ready[query] = s
	}
	return s, err
}

func (c *conn) prepare(ctx context.Context, query string) (*stmt, error) {
	s, err := c.fullConn.PrepareContext(c.context(ctx), query)
	if err != nil {
		return nil, err
	}
	full, ok := s.(fullStmt)
	if !ok {
		return nil, errors.Join(errors.New("sqlite driver lacks the statement context interfaces"), s.Close())
	}
	return &stmt{fullStmt: full, conn: c}, nil
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.observe(query, args)
	return attempt(c, func() (driver.Result, error) {
		s, err := c.kept(ctx, query)
		if err != nil {
			return nil, err
		}
		if s == nil {
			return c.fullConn.ExecContext(c.context(ctx), query, args)
		}
		return s.fullStmt.ExecContext(c.context(ctx), args)
	})
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.observe(query, args)
	return attempt(c, func() (driver.Rows, error) {
		s, err := c.kept(ctx, query)
		if err != nil {
			return nil, err
		}
		if s == nil {
			return c.reading(nil)(c.fullConn.QueryContext(c.context(ctx), query, args))
		}
		return c.reading(s)(s.fullStmt.QueryContext(c.context(ctx), args))
	})
}

// reading marks the statement of the rows, if it is a kept one, until they are closed.
func (c *conn) reading(s *stmt) func(driver.Rows, error) (driver.Rows, error) {
	return func(r driver.Rows, err error) (driver.Rows, error) {
		if err != nil {
			return nil, err
		}
		if s != nil {
			s.reading = true
		}
		return &rows{Rows: r, conn: c, stmt: s}, nil
	}
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return attempt(c, func() (driver.Stmt, error) { return c.prepare(ctx, query) })
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	return attempt(c, func() (driver.Tx, error) {
		t, err := c.fullConn.BeginTx(c.context(ctx), opts)
		if err != nil {
			return nil, err
		}
		return &tx{Tx: t, conn: c}, nil
	})
}

func (c *conn) ResetSession(ctx context.Context) error {
	if c.lost {
		return driver.ErrBadConn
	}
	return c.fullConn.ResetSession(ctx)
}

func (c *conn) IsValid() bool { return !c.lost && c.fullConn.IsValid() }

// Close finalizes what was kept first: SQLite doesn't close a connection that has
// statements. A lost one is left as it lies: freeing what it holds can free a thing
// twice. There is at most one for each connection that was open at the first fault.
func (c *conn) Close() error {
	if c.lost {
		return nil
	}
	return c.run(func() error {
		var errs []error
		for _, s := range c.ready {
			errs = append(errs, s.fullStmt.Close())
		}
		clear(c.ready)
		return errors.Join(append(errs, c.fullConn.Close())...)
	})
}

type tx struct {
	driver.Tx
	conn *conn
}

func (t *tx) Commit() error   { return t.conn.run(t.Tx.Commit) }
func (t *tx) Rollback() error { return t.conn.run(t.Tx.Rollback) }

type stmt struct {
	fullStmt
	conn    *conn
	reading bool
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return attempt(s.conn, func() (driver.Result, error) { return s.fullStmt.ExecContext(s.conn.context(ctx), args) })
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return attempt(s.conn, func() (driver.Rows, error) {
		return s.conn.reading(nil)(s.fullStmt.QueryContext(s.conn.context(ctx), args))
	})
}

type rows struct {
	driver.Rows
	conn *conn
	stmt *stmt // nil when it isn't a kept one
}

func (r *rows) Next(dest []driver.Value) error {
	return r.conn.run(func() error { return r.Rows.Next(dest) })
}

func (r *rows) Close() error {
	if r.stmt != nil {
		r.stmt.reading = false
	}
	return r.conn.run(r.Rows.Close)
}
