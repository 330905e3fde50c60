// Package config makes structs of the defaults, a YAML file, the environment and
// --set flags, each stronger than the one before.
//
// Owns: the names of keys and variables, and the form of config errors: all at
// once, each with its path and where it was written, never with a value. A key is
// a scalar or a list of scalars; what has more structure (rules, a policy) is a
// file of its own that a key names. Trusts: the tags of the structs (`yaml` names
// a key, `help` says what it is and in which unit). Hands over: filled structs;
// whether their values make sense is for each owner's Validate to say, in the
// same Errors.
package config
