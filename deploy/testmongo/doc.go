// Command testmongo is the MongoDB stand-in that tests take when the machine
// has no server of its own: FerretDB v1 on SQLite files in a temporary folder,
// behind a proxy that lets one request at a time through.
//
// Owns: its temporary folder and one loopback port, nothing else.
// Trusts: whoever reaches the loopback port (there is no authentication).
// Hands over: one line "MONGODB_URI=mongodb://127.0.0.1:PORT/" on stdout.
//
// It ends when its stdin closes (so it never outlives the test binary that
// started it, however that one dies), on SIGTERM and on SIGINT. It is a test
// tool in a module of its own: the product never contains it.
package main
