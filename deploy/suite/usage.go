package suite

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Tick is USER_HZ, the unit of /proc/<pid>/stat on every Linux that Go runs on: what CPU is counted in.
const Tick = 10 * time.Millisecond

// CPU is what the process has used so far, user and system. Linux only.
func (p *Process) CPU() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("CPU of %s: %w", p.Name, err)
	}
	return parseStat(string(text))
}

// parseStat reads utime and stime, the fields 14 and 15 of proc_pid_stat(5). The name in field 2 may hold anything.
func parseStat(text string) (time.Duration, error) {
	after := strings.LastIndex(text, ") ")
	fields := strings.Fields(text[after+1:])
	if after < 0 || len(fields) < 13 {
		return 0, fmt.Errorf("/proc/<pid>/stat reads %q", text)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return 0, fmt.Errorf("/proc/<pid>/stat: %w", err)
	}
	return time.Duration(user+system) * Tick, nil
}

// Resident is the process's memory in bytes. Linux only.
func (p *Process) Resident() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", p.Name, err)
	}
	_, value, _ := strings.Cut(string(text), "\nVmRSS:")
	var kib float64
	if _, err := fmt.Sscanf(value, "%f kB", &kib); err != nil {
		return 0, fmt.Errorf("memory of %s: VmRSS: %w", p.Name, err)
	}
	return kib * 1024, nil
}
