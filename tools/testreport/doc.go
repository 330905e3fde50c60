// Command testreport reads `go test -json` on standard input and says what a
// person needs: each package as it ends, the whole output of every failure, each
// skipped test with its reason, and at the end "N passed, N failed, N skipped".
//
// Owns: the rule that a skipped test is a failure; so a test can't go quiet
// because something is missing.
//
// Trusts: the stream of the go command. Hands over: its exit code. It is 1 on a
// failure, a skip, a test or package that never ended, or no test at all.
package main
