// Package httpapi serves openapi/recovery.yaml: it parses, calls a use case and
// maps the answer. It has no rules.
//
// Trusts: shared/httpkit to have checked the caller, the person and the body.
// Hands over: the recovery's secret and the webhook's signature to those who
// check them.
package httpapi
