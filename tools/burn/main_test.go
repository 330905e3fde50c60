package main

import "testing"

// How the command ended is what counts.
func TestRun(t *testing.T) {
	if err := run([]string{"sh", "-c", "exit 0"}); err != nil {
		t.Error(err)
	}
	if err := run([]string{"sh", "-c", "exit 3"}); err == nil || err.Error() != "exit code 3" {
		t.Errorf("got %v", err)
	}
	if err := run([]string{"/none"}); err == nil {
		t.Error("a command that isn't there ran")
	}
}
