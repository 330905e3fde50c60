// Package httpapi is openapi/chat-relay.yaml over the relay: parse, call, map;
// no rules. map.go is where wire and domain types meet.
//
// It trusts httpkit to have verified the calling service and the person, and
// hands the socket's handshake to the door.
package httpapi
