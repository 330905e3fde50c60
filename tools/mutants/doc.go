// Command mutants asks whether the tests would notice: it changes one line of
// security-relevant code at a time, as a slip of the hand would (a border, a
// negation, a constant, a check left out, an error swallowed), and runs the tests
// of the packages that cover it. A change that no test notices is a survivor.
//
//	mutants [-n COUNT] [-seed SEED] [-only REGEXP]
//
// Owns: targets.txt (what is changed, and by whose tests it is covered),
// equivalent.txt (changes that make no difference, each with the reason), and
// temporary overlays (`go help build`, -overlay): the tree itself is never
// touched. Trusts: the go command. Hands over: a line a mutant, the share that was
// killed, and an exit code: 1 when the share is below the goal.
//
// Kept tools were looked at (gremlins v0.6.0, go-mutesting, ooze): none takes a
// repeatable sample, runs another package's tests for a mutant without running the
// whole module's, or drops a check.
package main
