// Package secret holds values that must not be seen, and makes random ones.
//
// Owns: redaction (a String or Key prints as "[redacted]" everywhere), random
// tokens and digits, the hash of tokens, MACs and sealed boxes under a machine
// key, and key files. Trusts: crypto/rand, and the owner of a 0600 file.
// Hands over: plaintext by Reveal only, so that each use can be searched for.
package secret
