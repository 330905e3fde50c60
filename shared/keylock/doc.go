// Package keylock gives a mutex for each key that is in use, and keeps nothing for
// those that aren't.
//
// It owns the order of what is done under one key within one process. It trusts
// its callers to unlock, and not to lock a key twice. It hands over nothing
// between processes: what must hold there is the store's business.
package keylock
