package sqlitex

import (
	"context"
	"database/sql/driver"
)

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
