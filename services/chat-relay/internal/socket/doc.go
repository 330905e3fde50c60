// Package socket is the chat's WebSocket connections (R1, R2.1, R2.2, R3, R5.4).
//
// Owns: who may open a socket, every limit of one (bytes, seconds, frames, sockets), its read loop, its one writer that
// puts up to 16 frames into one write, and what happens to it when a frame breaks the protocol, a verdict falls, its
// access token ends, it reads too slowly, or the code panics: it ends alone.
// Trusts: the gateway for the client's address; no frame before internal/protocol took it; access.Verifier for tokens.
// Hands over: typed commands to internal/room; frames to the peer; events to audit through the room's store, bounded.
// Time that decides about the transport (deadlines, budgets) is the machine's; time that rules is clock.Clock's.
package socket
