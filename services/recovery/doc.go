// Package recovery is the recovery service: phone numbers, codes by SMS, and the
// way back into an account.
//
// It owns the numbers of accounts, recovery flows with their decisions, and the
// texts on their way. It answers the gateway only (openapi/recovery.yaml); a
// person's access token, or a recovery's secret, says for whom. It calls auth
// (facts, live sessions, saved codes, the reset) and audit (places; events by the
// outbox).
//
// Its rooms: engine decides, wallet keeps numbers, claim is the way back in,
// objection stops one; post (texts), limits (the table) and due (what time alone
// brings about) serve them all. engine ◄ wallet ◄ claim ◄ objection. Each has a
// Store of its own, and one store has them all.
//
// How it fails: without auth no recovery starts or completes and no number is
// added, proved, retired or kept; without audit a
// place counts as unfamiliar (V20); without the SMS provider texts wait in the
// queue, with backoff, and a recovery's wait doesn't run before everybody who
// can be told of it was. A killed process loses nothing that it had answered: an
// event or text is written with its change.
//
// Secret or personal: numbers (sealed; found again by a keyed MAC), texts
// (sealed, forgotten once sent), codes (keyed MAC), recovery secrets and veto
// tokens (hashes). The key is recovery-seal.key in the key folder.
package recovery
