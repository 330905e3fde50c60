// Package protocol reads what comes over the chat socket and lets nothing through that openapi/chat.asyncapi.yaml
// doesn't describe (R5.4, R4.1).
//
// Owns: what each broken rule is called on the wire, and Violation, which names what was wrong with a frame. Trusts: nothing of the frame; chatframes.Check, which the SDK uses too, for the rules.
// Hands over: a typed frame that keeps every bound of its fields and comes in a state that takes it, or a Violation
// whose texts are safe to send, log and record: they hold names of ours and at most 16 printable characters of a type.
package protocol
