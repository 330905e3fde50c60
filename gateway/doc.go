// Package gateway is the only door: everything that comes from outside comes in
// here (design: gateway).
//
// It owns the public listener and its limits, the firewall lookup, the coarse
// rate limits, the verification of access tokens and of every request against
// the public spec, the proxying to the services, and the pages. It keeps no
// state but a copy of the verdicts, also on disk, so that a restart without
// audit still refuses. It trusts nobody outside, and hands the services the
// client's address, the request id and what is left of the time; they verify the
// person again by themselves.
package gateway
