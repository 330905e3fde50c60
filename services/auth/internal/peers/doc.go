// Package peers is what auth needs of other services: audit, which takes its events. Trusts: the generated client and
// the authenticated HTTP client under it. Hands over: audit's faults as they are, so that the outbox can tell "never"
// from "not now".
package peers
