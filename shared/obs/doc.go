// Package obs is how a service is watched: JSON logs, one wide event per request, private metric registries and the
// operations listener's handler.
//
// It owns the shape of what leaves a process as telemetry. It trusts its callers to pass no secret and no body; values
// of type secret.String redact themselves. It hands over plain slog and prometheus types, so that nobody needs another
// interface. Nothing here is a package global: two services in one process share nothing.
package obs
