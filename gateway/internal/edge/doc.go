// Package edge is what a request passes before it costs anything: connection
// limits, security headers, the firewall and the rate limits.
//
// It owns the counts of open connections. It trusts the address that the
// connection has (or a declared proxy reports), and hands over requests that
// may be authenticated.
package edge
