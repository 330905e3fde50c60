// Package web is what the gateway serves to browsers: the first page, the
// interactive API reference (offline), the page behind the veto link of a text,
// and, in development, the simulated phones.
//
// It owns the embedded files and their content policies: scripts come from files
// of our own only, never inline. It hands over handlers, and keeps no state.
package web
