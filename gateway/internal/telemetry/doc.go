// Package telemetry tells audit what the gateway refused.
//
// It owns a bounded queue and sums up what repeats, so that a flood costs the
// record a line a minute and not a line a request. It trusts nothing of the
// request but its address, and hands over batches; what doesn't fit is counted
// and leaves a gap marker in the record (design: audit, "Ingest").
package telemetry
