// Package fault is the one error type that crosses a layer or a wire in Centinela.
//
// Owns: the kinds (which decide the HTTP status), the stable codes (which a
// client may switch on) and the rule that a cause is never public.
// Trusts: that Detail and Fields are written by us and hold no input value.
// Hands over: to shared/httpkit, which writes a fault as
// application/problem+json (RFC 9457) and rebuilds a peer's one.
package fault
