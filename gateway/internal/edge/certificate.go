package edge

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"centinela/shared/clock"
)

// lookEvery is how often the files of a certificate are looked at, at most.
const lookEvery = time.Second

// Certificate is a pair of files that others renew: it is read again when one of them changes. What can't be read, or
// doesn't go together (half of a renewal), leaves the one in force where it is (FR A26).
type Certificate struct {
	certFile, keyFile string
	clock             clock.Clock
	log               *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	seen   [2]fs.FileInfo // of the files when they were last read, well or not; nil: there was none
	looked time.Time
}

// LoadCertificate reads the pair for the first time. clk is the machine's clock.
func LoadCertificate(certFile, keyFile string, clk clock.Clock, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, clock: clk, log: log}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Get is tls.Config's GetCertificate.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.clock.Now(); now.Sub(c.looked) >= lookEvery || now.Before(c.looked) {
		c.looked = now
		if at := c.files(); !unchanged(at[0], c.seen[0]) || !unchanged(at[1], c.seen[1]) {
			if err := c.read(at); err != nil { // once a version of the files: they are looked at, not read, the next time
				c.log.Warn("the certificate could not be read again: the former one stays in force", slog.Any("error", err))
			}
		}
	}
	return c.pair, nil
}

// Reload reads the files now, changed or not.
func (c *Certificate) Reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read(c.files())
}

func (c *Certificate) files() (at [2]fs.FileInfo) {
	for i, name := range [...]string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil { // reading a file that is gone says so
			at[i] = info
		}
	}
	return at
}

func unchanged(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

func (c *Certificate) read(at [2]fs.FileInfo) error {
	c.seen = at
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("gateway.tls: %w", err)
	}
	if c.pair != nil {
		c.log.Info("the certificate was read again", slog.Time("not_after", pair.Leaf.NotAfter))
	}
	c.pair = &pair
	return nil
}
