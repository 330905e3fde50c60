// Package access is a person's access token: an EdDSA JWT (RFC 9068) that auth issues and every service verifies itself.
//
// It owns the form of the token, the JWKS document that publishes auth's keys, and a Verifier that keeps working while
// auth is down. It trusts the KeySource for which keys are auth's, and nothing in a token before its signature fits.
// It hands over Claims; whether the session still stands it asks shared/revocation, which hears it from auth.
// The token is a secret: it is never logged, and what is remembered of it is a hash.
package access
