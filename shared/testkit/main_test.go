package testkit_test

import (
	"os"
	"testing"

	"centinela/shared/testkit"
)

// childMode makes this test binary play the one that starts a server and dies.
const childMode = "CENTINELA_TESTKIT_CRASH"

func TestMain(m *testing.M) {
	if os.Getenv(childMode) != "" {
		os.Exit(m.Run()) // without testkit.Main: nothing stops the server politely
	}
	os.Exit(testkit.Main(m))
}
