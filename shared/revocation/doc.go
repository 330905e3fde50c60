// Package revocation is how every service hears, within a second, that a session or an account is over, whatever became
// of audit (design: auth, "Revocation").
//
// Owns: the set of what is over, the form of auth's feed, and the loop that follows it. An access token proves itself
// until it ends; what is in the set says that it doesn't count any more. The set only grows: an entry leaves it when the
// last access token that it is about has ended, so an entry may come twice, late or in any order without harm.
//
// Trusts: auth, which sends to whoever asks all that isn't over yet, and then what is new.
//
// Hands over: [Feed] to shared/access, which refuses a token by it. A service that hasn't heard auth since its start
// can't tell, isn't ready, and answers 503; one that has heard it goes on with what it knows while auth is silent, as it
// goes on with auth's keys: while auth is away nobody can be signed out.
package revocation
