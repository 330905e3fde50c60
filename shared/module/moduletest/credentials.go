package moduletest

import (
	"net/http"
	"testing"
	"time"

	"centinela/shared/access"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/testkit"
)

const (
	unauthenticated = "unauthenticated"
	invalid         = "token_invalid"
)

// Issuers make the credentials of everybody around a module.
type Issuers struct {
	T        testing.TB
	Service  string                // the module
	Services *httpkittest.Services // all of Services(), with keys
	People   *httpkittest.People
	Now      func() time.Time
}

// Matrix is the world's own: its services, its operator and its people, and what must not do for them. State is the
// whole store but for the tables named except, after settle, which waits until the module's background work has come to
// rest (nil: Settle).
func (w *World) Matrix(rows map[string]Row, settle func(), except ...string) Matrix {
	account, session := id.New("acc"), id.New("ses")
	return Matrix{
		Spec: w.Spec, Rows: rows, Do: w.Do, Callers: Services(),
		State: func() string {
			if settle == nil {
				return sorted(w.settled(), except)
			}
			settle()
			return w.Contents(except...)
		},
		Right: map[string]func() string{
			Person:   func() string { return w.AsPerson(account, session) },
			Operator: w.AsOperator,
		},
		Wrong: map[string]func() []Wrong{
			Person:   func() []Wrong { return append(w.WrongPersons(account, session), w.revoked(account, rows)) },
			Operator: func() []Wrong { return w.WrongOperators(account, session) },
		},
		Other: map[string]func() string{Person: func() string { return w.AsPerson(id.New("acc"), id.New("ses")) }},
		Stale: func() string {
			now := w.Now()
			return "Bearer " + w.People.Issue(access.Claims{
				Account: account, Session: session, AuthTime: now.Add(-10 * time.Minute), IssuedAt: now, ExpiresAt: now.Add(10 * time.Minute), AMR: []string{"pwd"},
			})
		},
	}
}

// revoked is the token of a session that auth has ended, once the module knows it: some read of a person's tells.
func (w *World) revoked(account string, rows map[string]Row) Wrong {
	w.T.Helper()
	session := id.New("ses")
	over := Wrong{Who: "a revoked session", Authorization: w.AsPerson(account, session), Status: http.StatusUnauthorized, Code: "session_revoked"}
	w.People.Revoke(session)
	for _, op := range (Matrix{Spec: w.Spec}).operations() {
		row := rows[op.OperationID]
		if op.method != http.MethodGet || op.scheme() != Person || row.Request == nil {
			continue
		}
		caller := op.callers()[0]
		path := row.Request(caller).Path
		testkit.Eventually(w.T, testkit.Patience, func() (bool, string) {
			got := w.Do(caller, over.Authorization, op.method, path, "")
			return got.Status == over.Status, "the revocation isn't known yet: " + got.Body
		})
		break
	}
	return over
}

// AsPerson is the Authorization of somebody who signed in just now.
func (i *Issuers) AsPerson(account, session string) string {
	return "Bearer " + i.People.Token(account, session)
}

// AsOperator is the Authorization of the operator, now.
func (i *Issuers) AsOperator() string {
	return "Operator " + i.token(module.Operator)
}

// token is a service's own, for the module.
func (i *Issuers) token(name string) string {
	i.T.Helper()
	token, err := i.Services.Signer(name).Token(i.Service)
	if err != nil {
		i.T.Fatal(err)
	}
	return token
}

// WrongPersons are what must not do where a person's access token is wanted.
func (i *Issuers) WrongPersons(account, session string) []Wrong {
	now := i.Now()
	over := access.Claims{Account: account, Session: session, AuthTime: now.Add(-time.Hour), IssuedAt: now.Add(-time.Hour), ExpiresAt: now, AMR: []string{"pwd"}}
	refused := func(who, authorization, code string) Wrong {
		return Wrong{Who: who, Authorization: authorization, Status: http.StatusUnauthorized, Code: code}
	}
	return []Wrong{
		refused("no token", "", unauthenticated),
		refused("nonsense", "Bearer nonsense", invalid),
		refused("a token whose time is over", "Bearer "+i.People.Issue(over), "token_expired"),
		refused("another issuer's token", "Bearer "+httpkittest.NewPeople(i.T, i.People.Clock()).Token(account, session), invalid),
		refused("the operator", i.AsOperator(), unauthenticated),
		refused("the operator's token as a person's", "Bearer "+i.token(module.Operator), invalid),
		refused("a service's token as a person's", "Bearer "+i.token(module.Gateway), invalid),
	}
}

// WrongOperators are what must not do where the operator's token is wanted.
func (i *Issuers) WrongOperators(account, session string) []Wrong {
	person := i.People.Token(account, session)
	refused := func(who, authorization string) Wrong {
		return Wrong{Who: who, Authorization: authorization, Status: http.StatusUnauthorized, Code: unauthenticated}
	}
	forged := func(signer, audience string, age time.Duration) string {
		return "Operator " + i.Services.Forge(signer, module.Operator, audience, age)
	}
	return []Wrong{
		refused("no token", ""),
		refused("an empty one", "Operator "),
		refused("a person", "Bearer "+person),
		refused("a person's token as the operator's", "Operator "+person),
		refused("expired", forged(module.Operator, i.Service, 66*time.Second)),
		refused("from the future", forged(module.Operator, i.Service, -time.Minute)),
		refused("a foreign key", forged(stranger, i.Service, 0)),
		refused("replayed from another service", forged(module.Operator, i.elsewhere(), 0)),
		refused("the operator's token as a person's", "Bearer "+i.token(module.Operator)),
		refused("the operator's token without a scheme", i.token(module.Operator)),
		{Who: "a service that plays operator", Authorization: "Operator " + i.token(module.Gateway), Status: http.StatusForbidden, Code: "forbidden"},
	}
}

// elsewhere is another service than the world's.
func (i *Issuers) elsewhere() string {
	if i.Service == module.Auth {
		return module.Audit
	}
	return module.Auth
}
