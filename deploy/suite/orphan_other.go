//go:build !linux

package suite

import "os/exec"

// withParent does nothing: only Linux ends a child whose parent is gone.
func withParent(*exec.Cmd) {}
