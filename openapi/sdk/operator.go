package sdk

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"iter"
	"net/http"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"centinela/openapi/gen/gatewayclient"
)

const (
	operatorName     = "operator"
	operatorAudience = "audit"
	operatorType     = "centinela-service+jwt" // as shared/svcauth has it; a test holds the two together
	operatorLife     = 60 * time.Second
)

// Operator runs the firewall, with the operator's key.
type Operator struct {
	shown
	c   *Client
	key *ed25519.PrivateKey // a pointer: see Session.have
}

// Operator returns one with the key in keyFile (Ed25519, PKCS#8 PEM).
func (c *Client) Operator(keyFile string) (*Operator, error) {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("sdk: operator's key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("sdk: operator's key: %s holds no private key in PEM", keyFile)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("sdk: operator's key: %s: %w", keyFile, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("sdk: operator's key: %s holds no Ed25519 key", keyFile)
	}
	return &Operator{shown: operatorName, c: c, key: &key}, nil
}

// token proves the operator for a minute; each call makes its own.
func (o *Operator) token() (string, error) {
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.RegisteredClaims{
		Issuer: operatorName, Audience: jwt.ClaimStrings{operatorAudience},
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(operatorLife)),
	})
	token.Header["typ"] = operatorType
	text, err := token.SignedString(*o.key)
	if err != nil {
		return "", fmt.Errorf("sdk: operator's token: %w", err)
	}
	return text, nil
}

func (o *Operator) auth(_ context.Context, req *http.Request) error {
	token, err := o.token()
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Operator "+token)
	return nil
}

// AddVerdict refuses or allows somebody; it is in force everywhere within a second.
func (o *Operator) AddVerdict(ctx context.Context, v NewVerdict) (Verdict, error) {
	return read[Verdict](o.c.api.AddVerdict(ctx, v, o.auth))
}

// Verdicts runs through those in force.
func (o *Operator) Verdicts(ctx context.Context) iter.Seq2[Verdict, error] {
	return pages(func(cursor string) ([]Verdict, string, error) {
		page, err := read[gatewayclient.VerdictPage](o.c.api.ListVerdicts(ctx, &gatewayclient.ListVerdictsParams{Cursor: given(cursor), Limit: given(100)}, o.auth))
		return page.Verdicts, value(page.NextCursor), err
	})
}

// RemoveVerdict lifts a verdict.
func (o *Operator) RemoveVerdict(ctx context.Context, id string) error {
	_, err := read[struct{}](o.c.api.RemoveVerdict(ctx, id, o.auth))
	return err
}
