package sdk

import "time"

// realNow is this machine's time. The SDK runs where the suite's clock is not:
// it needs time only to refresh a token before it expires, and to date an
// operator's token.
func realNow() time.Time { return time.Now() }
