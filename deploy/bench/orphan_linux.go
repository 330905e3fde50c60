package main

import (
	"os/exec"
	"syscall"
)

// withParent has the kernel stop the child when this program is killed before it can do so itself.
func withParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
