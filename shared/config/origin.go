package config

import (
	"errors"
	"net/url"
	"strings"
)

// Origin is text as a browser writes it in the header Origin (RFC 6454 §6.2): lower
// case, without the scheme's own port, without a path. An origin that no page can
// have, or that would stand for pages nobody has named, is an error that says why.
func Origin(text string) (string, error) {
	u, err := url.Parse(strings.ToLower(strings.TrimSuffix(text, "/")))
	switch {
	case text == "null" || strings.HasPrefix(text, "file:"):
		return "", errors.New("null is what every local file and sandboxed page sends: it names nobody, and can't be allowed")
	case strings.Contains(text, "*"):
		return "", errors.New("has a wildcard, which no browser sends: name each origin")
	case err != nil || u.Scheme == "" || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("must be an origin like https://app.example.org or capacitor://localhost")
	case strings.IndexFunc(u.Host, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0:
		return "", errors.New("must have its host in ASCII, as browsers send it: xn--…")
	}
	if u.Port() == map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443"}[u.Scheme] {
		return u.Scheme + "://" + strings.TrimSuffix(u.Host, ":"+u.Port()), nil
	}
	return u.Scheme + "://" + u.Host, nil
}
