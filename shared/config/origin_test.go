package config

import (
	"strings"
	"testing"
)

// FR A18: an origin that could never match is written as browsers write it, or refused with the reason.
func TestOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://app.example.org":        "https://app.example.org",
		"https://app.example.org:443":    "https://app.example.org",
		"http://app.example.org:80":      "http://app.example.org",
		"https://app.example.org:8443":   "https://app.example.org:8443",
		"HTTPS://App.Example.ORG/":       "https://app.example.org",
		"http://app.example.org:443":     "http://app.example.org:443",
		"https://[2001:db8::1]:443":      "https://[2001:db8::1]",
		"capacitor://localhost":          "capacitor://localhost",
		"https://xn--maana-pta.example":  "https://xn--maana-pta.example",
		"https://*.example.org":          "! wildcard",
		"*":                              "! wildcard",
		"null":                           "! null is what",
		"file://":                        "! null is what",
		"file:///android_asset/x.html":   "! null is what",
		"https://app.example.org/path":   "! must be an origin",
		"https://ana@app.example.org":    "! must be an origin",
		"https://app.example.org?x=1":    "! must be an origin",
		"app.example.org":                "! must be an origin",
		"https://":                       "! must be an origin",
		"https://:443":                   "! must be an origin",
		"https://mañana.example":         "! ASCII",
		"https://app.example.org:port":   "! must be an origin",
		"":                               "! must be an origin",
		" https://app.example.org":       "! must be an origin",
		"https://app.example.org, other": "! must be an origin",
	} {
		got, err := Origin(text)
		if reason, refused := strings.CutPrefix(want, "! "); refused {
			if err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("%q: %q, %v, want an error with %q", text, got, err, reason)
			}
		} else if err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}
