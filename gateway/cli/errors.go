package cli

import "errors"

// ErrUsage marks a command that was called wrongly: the exit code is 2.
var ErrUsage = errors.New("usage")

// Where a suite on this machine, with the default configuration, is found. The
// flags' defaults repeat them, because a tag can't name a constant.
const (
	DefaultURL  = "http://127.0.0.1:8080"
	DefaultData = "./data"
	DefaultKey  = "./data/keys/operator.key"
)
