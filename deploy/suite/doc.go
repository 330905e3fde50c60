// Package suite runs the product's processes for those who look at it from
// outside: the scenarios (deploy/e2e), the measurements (deploy/bench) and the
// pages in a browser (deploy/browser, through the command serve).
//
// It owns the processes that it starts, their data folder, their log files and
// the addresses that they listen on, and ends all of them, also when the
// program that asked for them is killed. It trusts nothing of the product but
// its command line, /readyz and exit codes, and hands over addresses, logs, and
// what a process has used of the machine. It knows no test: failures are errors
// with the end of the log in them.
package suite
