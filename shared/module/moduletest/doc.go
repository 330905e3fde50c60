// Package moduletest runs one part behind HTTP for its component tests, and holds
// its operations against everybody who might call them.
//
// It owns a World (keys of all services and of the operator, an issuer of access
// tokens, a clock, a log, a stand-in for auth's keys, a server that checks every
// answer against the specification) and the Matrix: each operation of the
// specification × nobody, each service, each wrong credential, another person, a
// stale sign-in, whom it is for; and what was refused changed nothing in the whole
// store. It trusts the specification for who may call what. It is for tests only:
// nothing that ships imports it.
package moduletest
