package sqlitextest

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"modernc.org/sqlite"

	"centinela/shared/sqlitex"
)

const (
	// Small is the rows of the store that [Growth] begins with.
	Small = 100
	// Large is those of the other: one level of a tree more.
	Large = 2000
	// tries of each operation, with arguments of their own; the median counts.
	tries = 5
	// Twice the pages, and some, are what a tree's next level and the neighbours in a
	// leaf may cost. Reading everything would be twenty times.
	growthFactor, growthPages = 2, 8
)

// Operation is one thing that a store does, on the i-th of its rows.
type Operation[S any] struct {
	Name string
	Run  func(ctx context.Context, s S, i int) error
	// Grows is why it may read more at more rows; "" for all that may not.
	Grows string
}

// Growth fills a store of [Small] and one of [Large] rows, and fails for each
// operation that asks for more pages in the large one (findings: growth). open
// opens one with the context that it gets, which counts; fill adds n rows.
func Growth[S any](t *testing.T, open func(ctx context.Context, t *testing.T) S, fill func(ctx context.Context, s S, n int) error, operations ...Operation[S]) {
	t.Helper()
	pages := map[int][]int{}
	for _, size := range []int{Small, Large} {
		counter := &counter{}
		s := open(sqlitex.WithHooks(t.Context(), sqlitex.Hooks{Connected: counter.connected}), t)
		if err := fill(t.Context(), s, size); err != nil {
			t.Fatalf("fill %d: %v", size, err)
		}
		for _, o := range operations {
			var each []int
			for i := range tries + 1 {
				before := counter.pages(t)
				if err := o.Run(t.Context(), s, i); err != nil {
					t.Fatalf("%s at %d rows: %v", o.Name, size, err)
				}
				if i > 0 { // the first one reads the schema, too
					each = append(each, counter.pages(t)-before)
				}
			}
			slices.Sort(each)
			pages[size] = append(pages[size], each[tries/2])
		}
	}
	for i, o := range operations {
		t.Run(o.Name, func(t *testing.T) {
			t.Logf("%d pages at %d rows, %d at %d", pages[Small][i], Small, pages[Large][i], Large)
			if err := judge(pages[Small][i], pages[Large][i], o.Grows); err != nil {
				t.Error(err)
			}
		})
	}
}

// Each calls add for 0 to n-1 in several goroutines, which share the commits.
func Each(n int, add func(i int) error) error {
	const adders = 32
	var all sync.WaitGroup
	errs := make([]error, adders)
	for a := range adders {
		all.Go(func() {
			for i := a; i < n && errs[a] == nil; i += adders {
				errs[a] = add(i)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func judge(small, large int, grows string) error {
	grew := large > growthFactor*small+growthPages
	switch {
	case grew && grows == "":
		return fmt.Errorf("%d pages at %d rows, %d at %d: it reads what it doesn't need", small, Small, large, Large)
	case !grew && grows != "":
		return fmt.Errorf("%d pages at %d rows, %d at %d: it doesn't grow any more, take the reason away (%s)", small, Small, large, Large, grows)
	}
	return nil
}

// counter adds up all connections. It is asked between operations, while none is in use.
type counter struct {
	sync.Mutex
	conns []sqlite.DBStatus
}

func (c *counter) connected(conn driver.Conn) {
	c.Lock()
	defer c.Unlock()
	c.conns = append(c.conns, conn.(sqlite.DBStatus))
}

// pages are those that were asked for, whether or not the cache had them.
func (c *counter) pages(t *testing.T) (sum int) {
	t.Helper()
	c.Lock()
	defer c.Unlock()
	for _, conn := range c.conns {
		for _, op := range []sqlite.DBStatusOp{sqlite.DBStatusCacheHit, sqlite.DBStatusCacheMiss} {
			n, _, err := conn.Status(op, false)
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
	}
	return sum
}
