// Package places knows from which networks a person usually comes.
//
// Owns: what counts as a visit, and when a network is familiar. An address is
// kept only as a keyed hash of its network (/24, IPv6 /48), bound to the
// account, so that the table tells nobody where people were, nor who shares a
// network.
// Trusts: the record's events in their order.
// Hands over: one word to recovery, which decides what it is worth.
package places
