// Package chatrelay is the chat service: conversations, messages and the socket
// (design: chat-relay).
//
// It owns conversations and messages, their order, and the open sockets. It
// trusts the gateway for the client's address, verifies every access token
// itself, and takes who has a user name from auth, and which sessions are over.
// Its state is in its store; sockets are not kept: a client resumes. It tells
// audit who connected and broke the protocol, one by one, and of what a session
// wrote a digest a minute; what it was killed over is told at the next start.
// Without audit it goes on with the verdicts that it has, and its events wait in
// the outbox. Without auth nobody new is found and nobody can be signed out, and
// those who talk go on until their access tokens end.
// Message texts are personal: they are in the store and on the members' sockets,
// never in an event or a log.
package chatrelay
