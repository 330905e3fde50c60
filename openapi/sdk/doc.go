// Package sdk is the public Go SDK of Centinela: a thin layer on the generated
// gateway client, for apps, the command line and tests.
//
// Owns: the address of a suite, a device key, a signed-in person's tokens
// (refreshed before they expire, by one call at a time), bounded retries of
// calls that may be repeated, and a chat socket that comes back after a cut and
// loses and doubles nothing.
//
// Trusts: the suite behind the base URL, and TLS to be the suite's. It keeps
// nothing on disk: keep Tokens and DeviceKey yourself, as the secrets that they
// are.
//
// Hands over: the models of the specification (openapi/gateway.yaml) under short
// names, and every refusal as a *Problem.
package sdk
