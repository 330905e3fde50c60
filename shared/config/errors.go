package config

import (
	"errors"
	"strings"
)

// Errors is a list of problems, printed one per line. The zero value is empty
// and ready. A Validate collects with Add and AddErr and returns Err().
type Errors []error

// Add notes a problem of one key: "auth.session.ttl", "must be > 0".
func (e *Errors) Add(path, message string) {
	*e = append(*e, problem{path: path, err: errors.New(message)})
}

// AddErr notes err, if there is one. An Errors is taken over problem by problem,
// with path in front of each one's own; an empty path adds nothing.
func (e *Errors) AddErr(path string, err error) {
	if err == nil {
		return
	}
	var list Errors
	if !errors.As(err, &list) {
		*e = append(*e, problem{path: path, err: err})
		return
	}
	for _, one := range list {
		var p problem
		if errors.As(one, &p) {
			p.path = join(path, p.path)
			one = p
		}
		*e = append(*e, one)
	}
}

// Err is nil without problems.
func (e Errors) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// Error is one problem a line, in the order they were added.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is find a problem.
func (e Errors) Unwrap() []error { return e }

type problem struct {
	path string
	err  error
}

func (p problem) Error() string {
	message := strings.ReplaceAll(p.err.Error(), "\n", "; ") // one line each
	if p.path == "" {
		return message
	}
	return p.path + ": " + message
}

func (p problem) Unwrap() error { return p.err }

func join(path, key string) string {
	if path == "" || key == "" {
		return path + key
	}
	return path + "." + key
}
