package password

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"centinela/shared/secret"
)

const (
	saltSize = 16
	tagSize  = 32
)

// Params is the cost of argon2id (RFC 9106 §3.1).
type Params struct {
	MemoryKiB uint32
	Time      uint32
	Threads   uint8
}

// Hasher hashes passwords with argon2id under a pepper, never more at once than its memory and the processors allow.
type Hasher struct {
	params Params
	pepper secret.Key
	gate   *gate
}

// NewHasher returns a Hasher that has at most memoryKiB of hashes in work, and no more at once than there are processors
// for their threads: more would end no sooner, and everything else of the process would wait for its turn behind them
// (a flood of sign-ins made the gateway's 80 ms to reach a service pass, and its circuit breakers open).
func NewHasher(params Params, memoryKiB int64, pepper secret.Key) *Hasher {
	atOnce := max(1, runtime.GOMAXPROCS(0)/int(params.Threads))
	return &Hasher{params: params, pepper: pepper, gate: newGate(min(memoryKiB, int64(atOnce)*int64(params.MemoryKiB)))}
}

// Hash returns the PHC string of password (github.com/P-H-C/phc-string-format): parameters, the pepper's id, a random
// salt, the tag. ErrBusy when too many wait.
func (h *Hasher) Hash(ctx context.Context, lane Lane, password secret.String) (string, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails (crypto/rand, Go 1.24)
	tag, err := h.tag(ctx, lane, h.params, salt, password)
	if err != nil {
		return "", err
	}
	return phc{Params: h.params, pepper: h.pepper.ID, salt: salt, tag: tag}.String(), nil
}

// Verify reports whether password is the one of encoded, and whether it should be hashed anew because the parameters
// rose. An empty encoded is nobody's: it costs as much and is never right. ErrBusy when too many wait.
func (h *Hasher) Verify(ctx context.Context, lane Lane, encoded string, password secret.String) (right, stale bool, err error) {
	if encoded == "" {
		_, err := h.tag(ctx, lane, h.params, make([]byte, saltSize), password)
		return false, false, err
	}
	stored, err := parsePHC(encoded)
	if err != nil {
		return false, false, err
	}
	if stored.pepper != h.pepper.ID {
		return false, false, fmt.Errorf("password hash was made with pepper %s, the key file holds %s: restore auth-pepper.key", stored.pepper, h.pepper.ID)
	}
	tag, err := h.tag(ctx, lane, stored.Params, stored.salt, password)
	if err != nil {
		return false, false, err
	}
	return secret.Equal(tag, stored.tag), stored.Params.below(h.params), nil
}

func (h *Hasher) tag(ctx context.Context, lane Lane, p Params, salt []byte, password secret.String) ([]byte, error) {
	leave, err := h.gate.enter(ctx, lane, int64(p.MemoryKiB))
	if err != nil {
		return nil, err
	}
	defer leave()
	peppered := h.pepper.MAC("password", norm.NFKC.String(password.Reveal()))
	return argon2.IDKey(peppered, salt, p.Time, p.MemoryKiB, p.Threads, tagSize), nil
}

func (p Params) below(q Params) bool {
	return p.MemoryKiB < q.MemoryKiB || p.Time < q.Time || p.Threads < q.Threads
}

type phc struct {
	Params
	pepper    string
	salt, tag []byte
}

func (p phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d,keyid=%s$%s$%s",
		argon2.Version, p.MemoryKiB, p.Time, p.Threads, p.pepper, b64.EncodeToString(p.salt), b64.EncodeToString(p.tag))
}

// errHash never repeats the stored text.
var errHash = errors.New("the stored password hash can't be read")

func parsePHC(s string) (phc, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errHash
	}
	var p phc
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d,keyid=%s", &p.MemoryKiB, &p.Time, &p.Threads, &p.pepper); err != nil {
		return phc{}, errHash
	}
	var err error
	if p.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return phc{}, errHash
	}
	if p.tag, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(p.tag) != tagSize || p.Time == 0 || p.Threads == 0 {
		return phc{}, errHash
	}
	return p, nil
}
