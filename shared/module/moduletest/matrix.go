package moduletest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// The names of the security schemes in the specifications.
const (
	Person   = "bearerAuth"
	Operator = "operatorAuth"
	Claim    = "recoverySecret"
)

// Request is one of an operation's; the method is the specification's.
type Request struct{ Path, Body string }

// Row is what the matrix must know of an operation beside its specification.
type Row struct {
	// Request is what whom the operation is for may ask. It is made anew for each caller (service is who calls, "" for
	// nobody), and may prepare something.
	Request func(service string) Request
	// Status is what whom it is for gets; 0: anything but 401 and 403, and nothing is said about the state.
	Status int
	// Nowhere is the same request about something that isn't there, where the operation is about one thing of somebody's:
	// somebody else must be refused alike for both, byte for byte.
	Nowhere func() Request
	// Wrong are callers that this operation refuses beside those of the matrix.
	Wrong func() []Wrong
	// Fresh operations refuse a sign-in that is 10 minutes old.
	Fresh bool
	// Quiet says why a success of an operation that isn't a GET leaves the state as it was; "" where it changes it.
	Quiet string
	// Recorded says why a GET leaves something behind; "" where it doesn't.
	Recorded string
}

// Wrong is an Authorization that must not do, and how it is refused.
type Wrong struct {
	Who, Authorization string
	Status             int
	Code               string
	// During makes something so for this one call, and returns what undoes it; nil: nothing.
	During func() (undo func())
}

// Matrix holds each operation of a specification against everybody (R4.1).
type Matrix struct {
	Spec *openapi3.T
	Rows map[string]Row
	Do   func(service, authorization, method, path, body string) Answer
	// State is all that a refused call must leave as it was.
	State func() string
	// Callers are who can call as a service; none where the part has no calling services.
	Callers []string
	// Right makes the Authorization of whom an operation is for, by security scheme.
	Right map[string]func() string
	// Wrong are those that must not do, by security scheme, as whom it is for would send them at this moment.
	Wrong map[string]func() []Wrong
	// Before prepares somebody whom an operation is for; nil where nobody has to be.
	Before func(operation string)
	// Other is somebody else whom such an operation could be for, by security scheme.
	Other map[string]func() string
	// Stale is whom it is for with a sign-in of 10 minutes ago; nil where no row needs it.
	Stale func() string
}

// Run runs the matrix, an operation a subtest. An operation without a row, and a row without an operation, is a failure.
func (m Matrix) Run(t *testing.T) {
	t.Helper()
	seen := map[string]bool{}
	for _, op := range m.operations() {
		seen[op.OperationID] = true
		row, ok := m.Rows[op.OperationID]
		if !ok {
			t.Errorf("%s %s (%s) is not in the matrix", op.method, op.path, op.OperationID)
			continue
		}
		t.Run(op.OperationID, func(t *testing.T) {
			if m.Before != nil {
				m.Before(op.OperationID)
			}
			c := &check{Matrix: m, row: row, op: op}
			c.run()
			for _, failure := range c.failures {
				t.Error(failure)
			}
		})
	}
	for name := range m.Rows {
		if !seen[name] {
			t.Errorf("%s has a row, and is no operation", name)
		}
	}
}

// Call is an operation as whom it is for calls it.
type Call struct{ Service, Authorization, Method, Path, Body string }

// Calls makes each operation's call, by operation id: anew with each use, because its request may prepare something.
func (m Matrix) Calls() map[string]func() Call {
	out := map[string]func() Call{}
	for _, op := range m.operations() {
		c := &check{Matrix: m, op: op, row: m.Rows[op.OperationID]}
		if c.row.Request == nil {
			continue // Run reports it
		}
		out[op.OperationID] = func() Call {
			service := ""
			if allowed := op.callers(); len(m.Callers) > 0 && len(allowed) > 0 {
				service = allowed[0]
			}
			r := c.row.Request(service)
			return Call{service, c.right()(), op.method, r.Path, r.Body}
		}
	}
	return out
}

// operation is one of the specification's.
type operation struct {
	*openapi3.Operation
	method, path string
}

func (m Matrix) operations() []operation {
	var out []operation
	for path, item := range m.Spec.Paths.Map() {
		for method, op := range item.Operations() {
			out = append(out, operation{op, method, path})
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.OperationID, b.OperationID) })
	return out
}

// callers are the services that an operation lists.
func (o operation) callers() []string {
	var out []string
	list, _ := o.Extensions["x-callers"].([]any)
	for _, c := range list {
		if name, ok := c.(string); ok {
			out = append(out, name)
		}
	}
	return out
}

// scheme is the security scheme that an operation wants, "" for none.
func (o operation) scheme() string {
	if o.Security == nil {
		return ""
	}
	for _, need := range *o.Security {
		for scheme := range need {
			return scheme
		}
	}
	return ""
}

// check is the matrix's work on one operation.
type check struct {
	Matrix
	op       operation
	row      Row
	failures []string
}

func (c *check) fail(format string, args ...any) {
	c.failures = append(c.failures, fmt.Sprintf(format, args...))
}

func (c *check) run() {
	allowed, right := []string{""}, c.right()
	if len(c.Callers) > 0 {
		allowed = c.op.callers()
		if len(allowed) == 0 || slices.Contains(allowed, "*") {
			c.fail("x-callers %v: an operation lists who may call it", allowed)
			return
		}
		c.refused("nobody, as whom it is for", "", right, http.StatusUnauthorized, "unauthenticated")
		for _, service := range c.Callers {
			if !slices.Contains(allowed, service) {
				c.refused(service, service, right, http.StatusForbidden, "caller_not_allowed")
			}
		}
	}
	scheme := c.op.scheme()
	if wrong := c.Wrong[scheme]; wrong != nil {
		c.wrong(allowed[0], wrong())
	} else if scheme != "" {
		c.fail("nothing is known that %s must refuse", scheme)
	}
	if c.row.Wrong != nil {
		c.wrong(allowed[0], c.row.Wrong())
	}
	if c.row.Nowhere != nil {
		c.nobodys(allowed[0])
	}
	if c.row.Fresh {
		c.refused("a stale sign-in", allowed[0], c.Stale, http.StatusForbidden, "fresh_sign_in_required")
	}
	for _, service := range allowed {
		c.taken(service, right)
	}
}

func (c *check) wrong(service string, all []Wrong) {
	for _, w := range all {
		undo := func() {}
		if w.During != nil {
			undo = w.During()
		}
		c.refused(w.Who, service, func() string { return w.Authorization }, w.Status, w.Code)
		undo()
	}
}

func (c *check) right() func() string {
	if right := c.Right[c.op.scheme()]; right != nil {
		return right
	}
	return func() string { return "" }
}

// ask makes the row's request as somebody, and returns the state before and after.
func (c *check) ask(service, authorization string, r Request) (got Answer, before, after string) {
	if !template(c.op.path).MatchString(r.Path) {
		c.fail("the row asks %s, which is not %s", r.Path, c.op.path)
	}
	before = c.State()
	got = c.Do(service, authorization, c.op.method, r.Path, r.Body)
	return got, before, c.State()
}

// template is the pattern of a path of the specification, with or without a query.
func template(path string) *regexp.Regexp {
	return regexp.MustCompile("^" + regexp.MustCompile(`\\\{[^/]*\\\}`).ReplaceAllString(regexp.QuoteMeta(path), `[^/?]+`) + `(\?|$)`)
}

func (c *check) refused(who, service string, authorization func() string, status int, code string) {
	r := c.row.Request(service)
	got, before, after := c.ask(service, authorization(), r)
	if got.Status != status || got.Code() != code {
		c.fail("%s: %d %s, want %d %s", who, got.Status, got.Body, status, code)
	}
	if before != after {
		c.fail("%s was refused, and changed something: %s", who, Difference(before, after))
	}
}

// nobodys: what is somebody's answers somebody else as what isn't there does.
func (c *check) nobodys(service string) {
	r, none, other := c.row.Request(service), c.row.Nowhere(), c.Other[c.op.scheme()]()
	theirs, before, after := c.ask(service, other, r)
	missing, _, still := c.ask(service, other, none)
	if theirs.Status < http.StatusBadRequest || anonymous(theirs, r.Path) != anonymous(missing, none.Path) {
		c.fail("somebody else: %d %s, and of what isn't there: %d %s", theirs.Status, theirs.Body, missing.Status, missing.Body)
	}
	if before != after || after != still {
		c.fail("somebody else was refused, and changed something: %s", Difference(before, still))
	}
}

// anonymous is an answer without its request's id, its time and the ids that were asked for.
func anonymous(a Answer, path string) string {
	text := strings.ReplaceAll(a.Body, a.Field("request_id"), "-")
	for part := range strings.SplitSeq(path, "/") {
		if strings.Contains(part, "_") {
			text = strings.ReplaceAll(text, part, "-")
		}
	}
	var names []string
	for name := range a.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	return fmt.Sprint(a.Status, text, names)
}

// taken: whom the operation is for gets what it asks for, a write writes, and a read doesn't.
func (c *check) taken(service string, authorization func() string) {
	r := c.row.Request(service)
	got, before, after := c.ask(service, authorization(), r)
	if c.row.Status == 0 {
		if got.Status == http.StatusUnauthorized || got.Status == http.StatusForbidden {
			c.fail("whom it is for: %d %s", got.Status, got.Body)
		}
		return
	}
	if got.Status != c.row.Status {
		c.fail("whom it is for, by %q: %d %s, want %d", service, got.Status, got.Body, c.row.Status)
	}
	switch reads := c.op.method == http.MethodGet; {
	case reads && c.row.Recorded == "" && before != after:
		c.fail("a read changed something: %s", Difference(before, after))
	case (reads && c.row.Recorded != "" || !reads && c.row.Quiet == "") && before == after:
		c.fail("a success left the state as it was: the state doesn't show what the operation does")
	}
}
