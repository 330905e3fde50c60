package suite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
)

// host is a loopback address of a suite's own (RFC 1122 §3.2.1.3: all of 127/8 is). Outgoing connections of this
// machine start from 127.0.0.1 and other suites have other addresses, so a port that is free stays free until its
// process listens, and while one that was killed starts again. Where only 127.0.0.1 is set up, it is that.
func host() string {
	own := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)) //nolint:gosec // no secret
	if l, err := listen(own); err == nil {
		_ = l.Close() // it was opened to see that it can be
		return own
	}
	return "127.0.0.1"
}

func listen(host string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(context.Background(), "tcp", net.JoinHostPort(host, "0"))
}

// FreePorts are n addresses that nobody listens on, at a loopback address of their own. They are asked for all at
// once, so that they differ.
func FreePorts(n int) ([]string, error) {
	at := host()
	var out []string
	for range n {
		l, err := listen(at)
		if err != nil {
			return nil, fmt.Errorf("a free port: %w", err)
		}
		defer l.Close() //nolint:errcheck,revive // held until all are known
		out = append(out, l.Addr().String())
	}
	return out, nil
}
