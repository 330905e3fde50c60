// Package httpapi is audit's side of openapi/audit.yaml.
//
// Owns: parsing, mapping (map.go is the one place where wire and domain types
// meet), who may act: a service for its own events, a person for the own
// activity, the operator for verdicts.
// Trusts: httpkit for the calling service, the person and the form of requests.
// Hands over: to ledger, places and firewall.
package httpapi
