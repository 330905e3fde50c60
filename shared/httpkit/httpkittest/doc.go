// Package httpkittest is what tests of services need: every response held against the specification, and identities
// (services and persons) made in memory.
//
// It owns keys that live as long as their test. It trusts the specification. It is for tests only: nothing that ships
// imports it.
package httpkittest
