// Package testkit is what tests of several packages need: a MongoDB server, a
// logger that writes to the test, waiting for a condition with a deadline.
//
// Owns: one MongoDB server a test binary (see [Mongo]), a database a test.
//
// Trusts: CENTINELA_TEST_MONGODB, a mongod on PATH, or the Go toolchain, in this
// order (design: dependencies, "MongoDB in tests").
//
// Hands over: nothing to the product; only tests import it.
package testkit
