// Package outboxtest is what every log must hold to, and a receiver that behaves
// as audit does: for tests.
package outboxtest
