// Package name is the rules of user names: what one may be, and when two are the same.
//
// Owns: the form (PRECIS UsernameCaseMapped, RFC 8265 §3.3), the scripts that may stand together (UTS 39 §5.2, Highly
// Restrictive), the look-alikes (UTS 39 §4, a generated table, and a few that it doesn't have), the names that nobody may
// take. People write to each other by name: one that looks like another is an impersonation (AG D7, FR A22, A23).
//
// Trusts: nothing; Key takes whatever is typed to sign in.
//
// Hands over: the form that is kept and shown, and the key that is unique and looked up.
package name

//go:generate go run ./gen
