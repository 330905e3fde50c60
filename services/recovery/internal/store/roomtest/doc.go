// Package roomtest is the rooms of recovery over either store, without HTTP: for
// the tests of wallet, claim, objection and post, which say when what is due by
// time is done.
//
// Owns: the wiring, a fake of auth and audit with one account, a carrier that can
// be broken, a clock. Trusts: nothing; only tests import it. Hands over: the
// rooms, and what phones got.
package roomtest
