package sqlitex

import (
	"context"
	"database/sql/driver"
	"errors"
)

// uninterrupted is the driver without cancellation, for the write connection:
// SQLite answers an interrupted INSERT, UPDATE or DELETE by rolling the whole
// transaction back (sqlite.org/c3ref/interrupt.html), which would take the
// changes of the other callers with it. Statements on a local file are short.
type uninterrupted struct{ driver.Connector }

func (u uninterrupted) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := u.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := c.(fullConn)
	if !ok {
		return nil, errors.Join(errors.New("sqlite driver lacks the context interfaces"), c.Close())
	}
	return &steadyConn{fullConn: full, ready: map[string]steadyStmt{}}, nil
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

// maxReady bounds the statements that a connection keeps prepared. The callers'
// statements are constants; what is above it is parsed each time.
const maxReady = 64

// steadyConn keeps what it executes prepared: parsing the same few statements for
// each message took a fifth of the chat relay's CPU. Queries aren't kept, because
// one may still be read when the next begins.
type steadyConn struct {
	fullConn
	ready map[string]steadyStmt
}

func (c *steadyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, ok := c.ready[query]
	if !ok && len(c.ready) < maxReady {
		prepared, err := c.PrepareContext(ctx, query)
		if err != nil {
			return nil, err
		}
		s, ok = prepared.(steadyStmt), true
		c.ready[query] = s
	}
	if ok {
		return s.ExecContext(ctx, args)
	}
	return c.fullConn.ExecContext(context.WithoutCancel(ctx), query, args)
}

// Close finalizes what was kept first: SQLite doesn't close a connection that has
// statements.
func (c *steadyConn) Close() error {
	var errs []error
	for _, s := range c.ready {
		errs = append(errs, s.Close())
	}
	clear(c.ready)
	return errors.Join(append(errs, c.fullConn.Close())...)
}

func (c *steadyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.fullConn.QueryContext(context.WithoutCancel(ctx), query, args)
}

func (c *steadyConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.fullConn.PrepareContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, err
	}
	full, ok := s.(fullStmt)
	if !ok {
		return nil, errors.Join(errors.New("sqlite driver lacks the statement context interfaces"), s.Close())
	}
	return steadyStmt{full}, nil
}

type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type steadyStmt struct{ fullStmt }

func (s steadyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.fullStmt.ExecContext(context.WithoutCancel(ctx), args)
}

func (s steadyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.fullStmt.QueryContext(context.WithoutCancel(ctx), args)
}
