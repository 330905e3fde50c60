// Package cli has the verbs of the command line that talk to a running suite,
// one file a verb: health, firewall, recover, demo.
//
// Owns: flags, what is printed, and which mistakes are the caller's (ErrUsage).
// The verbs that start a part are main's.
//
// Trusts: the operator's key file, and the suite behind the URL that it is given.
//
// Hands over: kong commands. main binds a context and the writer for output.
package cli
