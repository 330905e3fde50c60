// Package chatrelay is the chat service: conversations, messages and the socket
// (design: chat-relay).
//
// It owns conversations and messages, their order, and the open sockets. It
// trusts the gateway for the client's address, verifies every access token
// itself, and takes who has a user name from auth. Its state is in its store;
// sockets are not kept: a client resumes. Without audit it goes on with the
// verdicts that it has, and its events wait in the outbox: a revocation that it
// doesn't hear of counts when the access token ends, with which each socket
// ends. Without auth nobody new is found, and those who talk go on until then.
// Message texts are personal: they are in the store and on the members' sockets,
// never in an event or a log.
package chatrelay
