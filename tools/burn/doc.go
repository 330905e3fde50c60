// Command burn keeps every core busy while another command runs, for tests that
// must not depend on the machine's mood (`make stress`):
//
//	burn [-n TIMES] COMMAND ARGUMENT...
//
// It runs the command -n times, one after the other, prints how each ended, and
// exits with 1 if one failed.
//
// Owns: a thread a core that computes and never waits. Trusts: the command to
// end. Hands over: its exit code.
package main
