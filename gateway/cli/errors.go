package cli

import "errors"

// ErrUsage marks a command that was called wrongly: the exit code is 2.
var ErrUsage = errors.New("usage")
