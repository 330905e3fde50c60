// Package audit is the record of what happened in the suite, and the firewall
// that follows from it.
//
// It owns every security event, in one order, each bound to the one before it
// (internal/ledger); where people usually come from (internal/places); whom the
// gateways refuse (internal/firewall). State: audit.db, or a MongoDB database;
// beside it checkpoint.json, the signed head of the record.
//
// Callers: each service may write events in its own name, recovery may ask for
// places, gateway and chat-relay follow the verdicts, the gateway passes on
// people (with their own tokens) and the operator (with a token signed by the
// operator's key, checked here). Nothing else is believed.
//
// It fails closed for itself and open for others: with audit down, events wait
// in the outboxes of their services, and gateways keep the verdicts they have.
//
// Personal data: addresses, user agents and account ids in events. Secret: the
// keys audit-checkpoint.key and audit-places.key.
package audit
