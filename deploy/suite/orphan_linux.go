package suite

import (
	"os/exec"
	"syscall"
)

// withParent has the kernel end the child when this program is killed before it can do so itself.
func withParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
