package testkit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// uriPrefix starts the one line that a server program prints when it is ready.
const uriPrefix = "MONGODB_URI="

// child is a server process that ends when its stdin closes, which the kernel
// does for us however this process ends.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser // kept: a collected pipe would be closed
}

// startChild runs cmd until it prints its URI. Its stderr is the test binary's.
func startChild(cmd *exec.Cmd) (uri string, _ *child, _ error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	c := &child{cmd: cmd, stdin: stdin}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	uri, ok := strings.CutPrefix(strings.TrimSpace(line), uriPrefix)
	if err != nil || !ok {
		return "", nil, errors.Join(fmt.Errorf("%s ended without its URI", cmd.Path), err, c.stop())
	}
	return uri, c, nil
}

func (c *child) stop() error {
	return errors.Join(c.stdin.Close(), c.cmd.Wait())
}
