// Package config makes one struct of the defaults, a YAML file, the environment
// and --set flags, each stronger than the one before.
//
// Owns: the names of keys and variables, and the form of config errors: all at
// once, each with its path, never with a value. Trusts: the tags of the struct.
// Hands over: a filled struct; whether its values make sense is for each
// owner's Validate to say, in the same Errors.
package config
