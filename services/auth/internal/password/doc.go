// Package password is what a password may be, and how it is kept and compared.
//
// Owns: the rules of new ones, argon2id under a pepper, the memory and the processors that hashing may take (who is familiar
// comes before strangers), and how long a refusal takes.
//
// Trusts: its callers for how much somebody has to do with the account (the Lane).
//
// Hands over: a PHC string with parameters, the pepper's id, salt and tag; errors that never repeat a password or a hash.
package password
