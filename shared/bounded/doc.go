// Package bounded gives a map that cannot grow past a limit, whatever keys come.
//
// It owns the memory of caches and counters whose keys are chosen by strangers (token hashes, addresses). It trusts
// nobody's key. It hands over plain values: what an entry means and until when it counts is the caller's business.
package bounded
