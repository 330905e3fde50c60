// Package module is the shape that every part of the suite has in common: what
// the runner gives it (Deps) and what it gives the runner (Module).
//
// It owns no state. It trusts the runner to have validated the configuration,
// and hands over ready-made HTTP servers and clients, so that no service wires
// the two identities of a call by itself (design: architecture, "Requests").
package module
