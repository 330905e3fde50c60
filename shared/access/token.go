package access

import (
	"crypto/ed25519"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"centinela/shared/fault"
	"centinela/shared/secret"
)

const (
	issuer    = "centinela"
	audience  = "centinela"
	tokenType = "at+jwt" // RFC 9068 §2.1
)

// What Verify returns: both mean "sign in or refresh"; expired says that a refresh will do.
var (
	ErrTokenInvalid = fault.New(fault.KindUnauthenticated, fault.CodeTokenInvalid, "the access token is not valid")
	ErrTokenExpired = fault.New(fault.KindUnauthenticated, fault.CodeTokenExpired, "the access token has expired")
)

// Claims is what a token says about a person. Times are UTC, whole milliseconds.
type Claims struct {
	Account, Session              string    // sub, sid
	AuthTime, IssuedAt, ExpiresAt time.Time // auth_time (the last time the person proved who they are), iat, exp
	AMR                           []string  // how (RFC 8176)
	ACR                           string    // how strongly
}

// wire is the payload. The times shadow those of RegisteredClaims, which the jwt package cuts to seconds: NumericDate
// may have decimals (RFC 7519 §2), and a token must end at its millisecond.
type wire struct {
	jwt.RegisteredClaims
	Exp      stamp    `json:"exp"`
	Iat      stamp    `json:"iat"`
	AuthTime stamp    `json:"auth_time"`
	Session  string   `json:"sid"`
	AMR      []string `json:"amr,omitempty"`
	ACR      string   `json:"acr,omitempty"`
}

// stamp is a NumericDate in milliseconds; 0 is absent.
type stamp int64

func (s stamp) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%03d", int64(s)/1000, int64(s)%1000), nil
}

func (s *stamp) UnmarshalJSON(text []byte) error {
	whole, part, _ := strings.Cut(string(text), ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds < 0 || seconds > math.MaxInt64/2000 {
		return fmt.Errorf("not a NumericDate in seconds")
	}
	millis, err := strconv.ParseUint((part + "000")[:3], 10, 16)
	if err != nil {
		return fmt.Errorf("not a NumericDate in seconds")
	}
	*s = stamp(seconds*1000 + int64(millis))
	return nil
}

func stampOf(t time.Time) stamp { return stamp(t.UnixMilli()) }
func (s stamp) time() time.Time { return time.UnixMilli(int64(s)).UTC() }

// Issue signs a token for c with the key that JWKS publishes under kid.
func Issue(key ed25519.PrivateKey, kid string, c Claims) (secret.String, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, wire{
		RegisteredClaims: jwt.RegisteredClaims{Issuer: issuer, Subject: c.Account, Audience: jwt.ClaimStrings{audience}},
		Exp:              stampOf(c.ExpiresAt), Iat: stampOf(c.IssuedAt), AuthTime: stampOf(c.AuthTime),
		Session: c.Session, AMR: c.AMR, ACR: c.ACR,
	})
	token.Header["typ"] = tokenType
	token.Header["kid"] = kid
	text, err := token.SignedString(key)
	if err != nil {
		return secret.String{}, fmt.Errorf("sign the access token: %w", err)
	}
	return secret.NewString(text), nil
}
