package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"
)

func main() {
	times := flag.Int("n", 1, "how often the command runs")
	flag.Parse()
	if flag.NArg() == 0 || *times < 1 {
		flag.Usage()
		os.Exit(2)
	}
	runtime.GOMAXPROCS(runtime.NumCPU() + 1) // one for this program's own waiting
	for range runtime.NumCPU() {
		go burn()
	}
	failed := 0
	for i := range *times {
		began := time.Now()
		err := run(flag.Args())
		result := "ok"
		if err != nil {
			failed++
			result = "FAILED: " + err.Error()
		}
		fmt.Printf("=== round %d of %d: %s in %s\n", i+1, *times, result, time.Since(began).Round(time.Second))
	}
	fmt.Printf("=== %d of %d rounds failed, with %d cores kept busy\n", failed, *times, runtime.NumCPU())
	if failed > 0 {
		os.Exit(1)
	}
}

// run runs a command with this program's own streams.
func run(args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("exit code %d", exit.ExitCode())
	}
	return err
}

// burned keeps the compiler from dropping the work.
var burned atomic.Uint64

// burn computes for ever.
func burn() {
	runtime.LockOSThread()
	x := uint64(1)
	for {
		for range 1 << 20 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		burned.Store(x)
	}
}
