// Package longpoll follows a feed that answers when something happens: where it stands (a cursor), how often it asks, and
// what it says when its peer is silent.
//
// Owns: the loop. Trusts: the peer to wait as long as it is asked to, or to answer with news; one that does neither is
// asked ten times a second and no more. Hands over: each page, to whoever knows what it means.
package longpoll
