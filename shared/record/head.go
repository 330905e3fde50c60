package record

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// String is the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText is String.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText takes what MarshalText writes.
func (h *Hash) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(h) {
		return ErrInvalid.WithDetail("a hash has another form")
	}
	*h = Hash(raw)
	return nil
}

// Head is the end of a source's log: how many events it has had, and the hash of
// its chain. The zero Head is that of a log without events.
type Head struct {
	N    int64
	Hash Hash
}

// Next is the head after one more event: the SHA-256 over the former hash and the
// envelope's bytes.
func (h Head) Next(body []byte) Head {
	sum := sha256.New()
	sum.Write(h.Hash[:])
	sum.Write(body)
	return Head{N: h.N + 1, Hash: Hash(sum.Sum(nil))}
}

// headPurpose keeps a signature from meaning anything elsewhere.
const headPurpose = "centinela log head v1"

// Message is what the source's service signs with its Ed25519 key: whoever has the
// signature knows that all events up to N came from that service, in this order.
func (h Head) Message(source string) []byte {
	return []byte(headPurpose + "\n" + source + "\n" + strconv.FormatInt(h.N, 10) + "\n" + h.Hash.String() + "\n")
}

// SignedBy reports whether signature is the key's over this head of source.
func (h Head) SignedBy(key ed25519.PublicKey, source string, signature []byte) bool {
	return len(signature) == ed25519.SignatureSize && ed25519.Verify(key, h.Message(source), signature)
}

// Shipment is a part of a source's log on its way.
type Shipment struct {
	Source    string // service/instance
	From      int64  // number of the first entry
	Entries   []Sealed
	Head      Head   // after the last entry
	Signature []byte // of Head.Message, with the service's key
}
