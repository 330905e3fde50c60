package limits

import (
	"errors"
	"fmt"
	"time"
)

// Name is what a limit is called, in its table, in keys and in [Full].
type Name string

// Limit is one row of a service's table: what is counted, and how far. At least
// one of Limit and Pause is set.
type Limit struct {
	Name   Name
	Fields []string      // what the values of a [Use] are, in order: "account", "source"
	Limit  int           // uses in a window; 0: no ceiling, the pauses alone slow down
	Window time.Duration // from the first use; the next use after it begins a new one
	// Pause is how long after the last use the next may come, given the uses of
	// the window so far; nil: no pause. It counts as Window where it is longer.
	Pause func(uses int) time.Duration
	// SharedBy says in words who uses the same counter up: whoever is in it can
	// make all the others wait.
	SharedBy string
}

// Use is one use of a limit, by the values of its fields.
type Use struct {
	Name   Name
	Values []string
}

// Of names a use: Of(SignUpSource, "192.0.2.0/24").
func Of(name Name, values ...string) Use { return Use{Name: name, Values: values} }

// One gives one use back.
func (u Use) One() Pardon { return Pardon{Use: u} }

// All gives all uses of the window back.
func (u Use) All() Pardon { return Pardon{Use: u, all: true} }

// Pardon is what [Limiter.Forgive] gives back.
type Pardon struct {
	Use
	all bool
}

// validate returns all errors of a table at once.
func validate(table []Limit) error {
	var errs []error
	known := make(map[Name]bool, len(table))
	for _, l := range table {
		bad := func(what string) { errs = append(errs, fmt.Errorf("limit %q: %s", l.Name, what)) }
		if l.Name == "" || known[l.Name] {
			bad("the name must be there and unique")
		}
		known[l.Name] = true
		if len(l.Fields) == 0 {
			bad("it has no fields, so everybody would share one counter")
		}
		if l.Limit < 0 || (l.Limit == 0 && l.Pause == nil) {
			bad("limit must be > 0, or there must be a pause")
		}
		if l.Window < time.Millisecond {
			bad("window must be at least 1 ms")
		}
		if l.SharedBy == "" {
			bad("it doesn't say who shares it")
		}
	}
	return errors.Join(errs...)
}
