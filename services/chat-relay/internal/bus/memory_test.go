package bus_test

import (
	"testing"

	"centinela/services/chat-relay/internal/bus"
	"centinela/services/chat-relay/internal/bus/bustest"
)

// The contract of doc.go, in one process.
func TestMemory(t *testing.T) {
	bustest.Run(t, func(*testing.T) bustest.Join { return bus.NewMemory().Join })
}
