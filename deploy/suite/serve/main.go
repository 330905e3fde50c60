package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"centinela/deploy/suite"
)

// usageExit is the exit code of a command that was called wrongly.
const usageExit = 2

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: serve BINARY [key=value …]")
		os.Exit(usageExit)
	}
	if err := serve(context.Background(), os.Args[1], os.Args[2:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, binary string, settings []string, in io.Reader, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "centinela-suite-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := suite.Start(ctx, suite.Options{Binary: binary, Dir: dir, Topology: suite.Together, Settings: settings})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(map[string]string{"url": s.URL, "data": s.Data}); err != nil {
		return errors.Join(err, s.Stop())
	}
	_, err = io.Copy(io.Discard, in)
	return errors.Join(err, s.Stop())
}
