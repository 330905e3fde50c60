// Package runner turns a configuration into running parts: one of them, or the
// whole suite in one process.
//
// It owns the table of parts (parts.go: a part is a row, and a new part is one
// row), the order of start (audit, auth, recovery, chat-relay, gateway) and stop
// (the reverse), the listeners, the clock, the service keys, one process a data
// folder, and what `/readyz` says. A start and its dry run (Check) look at the same
// things first. It is the only package that imports every service and the gateway,
// and knows from the table what a backup holds. In one process the parts still talk over
// loopback HTTP with both identities: there is no shortcut that would leave the
// split topology untested (design: architecture, "Who may import whom" 4).
//
// It trusts the configuration only after Validate, and hands each part its
// module.Deps.
package runner
