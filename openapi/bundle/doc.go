// Command bundle turns the hand-written specs of openapi/ into self-contained
// ones and generates code from them: `make gen`.
//
// It owns openapi/gen. It trusts the specs only as far as kin-openapi
// validates them, and the chat's only as far as its check can hold: a keyword
// that it doesn't know, or a bound that is missing, is an error with its place.
// It hands over, for each service, a package <svc>api (models, gin strict
// server, the bundled spec) and a package <svc>client (models, client), so that
// a client never pulls in gin; and chatframes, of chat.asyncapi.yaml.
package main
