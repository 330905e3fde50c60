package access

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
)

// KeySource knows auth's public keys, by key id.
type KeySource interface {
	Keys(ctx context.Context) (map[string]ed25519.PublicKey, error)
}

// Doer is the part of a client that HTTPKeys needs: shared/httpkit.Client, or *http.Client.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

const maxJWKS = 64 << 10

// jwk is an Ed25519 public key (RFC 8037 §2).
type jwk struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	ID    string `json:"kid"`
	X     string `json:"x"`
	Use   string `json:"use,omitempty"`
	Alg   string `json:"alg,omitempty"`
}

type jwkSet struct {
	Keys []jwk `json:"keys"`
}

// JWKS is the document that publishes keys (RFC 7517 §5), in the order of their ids.
func JWKS(keys map[string]ed25519.PublicKey) []byte {
	set := jwkSet{Keys: make([]jwk, 0, len(keys))}
	for _, id := range slices.Sorted(maps.Keys(keys)) {
		set.Keys = append(set.Keys, jwk{
			Type: "OKP", Curve: "Ed25519", ID: id, X: base64.RawURLEncoding.EncodeToString(keys[id]), Use: "sig", Alg: "EdDSA",
		})
	}
	document, err := json.Marshal(set)
	if err != nil {
		panic("access: a set of strings does not encode: " + err.Error())
	}
	return document
}

// ParseJWKS reads the Ed25519 keys of a JWKS document and leaves other kinds out. A document without one is an error:
// it would otherwise replace keys that work.
func ParseJWKS(document []byte) (map[string]ed25519.PublicKey, error) {
	var set jwkSet
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	keys := make(map[string]ed25519.PublicKey)
	for _, k := range set.Keys {
		if k.Type != "OKP" || k.Curve != "Ed25519" || k.ID == "" {
			continue
		}
		raw, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || len(raw) != ed25519.PublicKeySize {
			return nil, errors.New("key set: a key is not 32 bytes of base64url")
		}
		keys[k.ID] = raw
	}
	if len(keys) == 0 {
		return nil, errors.New("key set: no Ed25519 key in it")
	}
	return keys, nil
}

type httpKeys struct {
	doer Doer
	url  func() string
}

// HTTPKeys reads the keys from auth's JWKS endpoint; url is asked each time, because the address may be known only
// after start.
func HTTPKeys(doer Doer, url func() string) KeySource { return httpKeys{doer: doer, url: url} }

func (h httpKeys) Keys(ctx context.Context) (map[string]ed25519.PublicKey, error) {
	body, err := h.fetch(ctx)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	return ParseJWKS(body)
}

func (h httpKeys) fetch(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := h.doer.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxJWKS))
}
