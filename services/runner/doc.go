// Package runner turns a configuration into running parts: one of them, or the
// whole suite in one process.
//
// It owns the module table, the order of start (audit, auth, recovery,
// chat-relay, gateway) and stop (the reverse), the listeners, the clock, the
// service keys, and what `/readyz` says. It is the only package that imports
// every service and the gateway. In one process the parts still talk over
// loopback HTTP with both identities: there is no shortcut that would leave the
// split topology untested (design: architecture, "Who may import whom" 4).
//
// It trusts the configuration only after Validate, and hands each part its
// module.Deps.
package runner
