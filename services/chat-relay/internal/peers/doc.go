// Package peers is what the chat relay needs of other services: who has a user
// name (auth).
//
// It owns the mapping to their wire types. It trusts the authenticated client
// under it, and hands over the relay's own errors.
package peers
