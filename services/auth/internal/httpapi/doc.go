// Package httpapi serves openapi/auth.yaml over the use cases of internal/account.
//
// Owns: the mapping between wire and domain (map.go), and nothing else: no rule is here. Trusts: shared/httpkit to have
// proved the calling service and the person, and to have held the request against the specification. Hands over: who
// asks from where, as record.Origin.
package httpapi
