package gateway_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"centinela/gateway"
	"centinela/shared/fault"
)

var (
	source     = regexp.MustCompile(`(?:src|href)="([^"]*)"`)
	inlineCode = regexp.MustCompile(`(?i)<script(?:\s+[^>]*)?>\s*[^<\s]|\son[a-z]+\s*=|javascript:|<style|\sstyle=`)
	titleForm  = regexp.MustCompile(`<title(?: [^>]*)?>[^<]+</title>`)
	inputForm  = regexp.MustCompile(`<input[^>]*id="([^"]+)"`)
)

// TestPages: each page is whole without the network, keeps its own content
// policy, and can be read in both languages and without sight.
func TestPages(t *testing.T) {
	s := start(t, unchecked).ready()
	for _, path := range []string{"/", "/veto", "/docs", "/dev/phone"} {
		t.Run(path, func(t *testing.T) {
			page := s.get(path, header("Accept", "text/html,application/xhtml+xml")).ok(t)
			secured(t, page)
			if page.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(page.body, `<html lang="en">`) || !titleForm.MatchString(page.body) {
				t.Errorf("type %q, or no language or title", page.header.Get("Content-Type"))
			}
			csp := page.header.Get("Content-Security-Policy")
			if !strings.Contains(csp, "script-src 'self';") || strings.Contains(csp, "unsafe-eval") || strings.Contains(csp, "http") {
				t.Errorf("Content-Security-Policy = %q", csp)
			}
			if inline := inlineCode.FindString(page.body); inline != "" {
				t.Errorf("inline code, which the policy refuses: %q", inline)
			}
			if path != "/docs" && !strings.Contains(page.body, "data-es=") {
				t.Error("no Spanish")
			}
			for _, input := range inputForm.FindAllStringSubmatch(page.body, -1) {
				if !strings.Contains(page.body, `<label for="`+input[1]+`"`) {
					t.Errorf("the field %s has no label", input[1])
				}
			}
			for _, link := range source.FindAllStringSubmatch(page.body, -1) {
				if !strings.HasPrefix(link[1], "/") || strings.HasPrefix(link[1], "//") {
					t.Errorf("%s is not ours", link[1])
					continue
				}
				resource := s.get(link[1]).ok(t)
				secured(t, resource)
				if strings.HasPrefix(link[1], "/assets/") && strings.Contains(resource.body, "cdn.") {
					t.Errorf("%s names a CDN", link[1])
				}
			}
			if path == "/dev/phone" {
				return // an operation of the API; the page is an extra
			}
			head := s.send(http.MethodHead, path, "", header("Accept", "text/html")).ok(t)
			if head.body != "" || head.header.Get("Content-Type") != page.header.Get("Content-Type") {
				t.Errorf("HEAD: %q %d bytes", head.header.Get("Content-Type"), len(head.body))
			}
		})
	}
}

// TestFirstPage: it shows a newcomer what development has, and in production
// nothing that isn't there.
func TestFirstPage(t *testing.T) {
	for name, set := range map[string][]option{"development": nil, "production": {production}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, set...)
			blocks, hidden := 0, 0
			for line := range strings.Lines(s.get("/").ok(t).body) {
				if strings.Contains(line, `"/dev/phone"`) || strings.Contains(line, "Where to look first") {
					blocks++
				}
				if strings.Contains(line, "data-development hidden>") {
					hidden++
				}
			}
			if want := map[string]int{"development": 0, "production": 2}[name]; hidden != want || blocks != 3 {
				t.Errorf("%d parts are hidden, want %d; %d lines are about development", hidden, want, blocks)
			}
			// Browsers ask for it unasked: a 404 would stand in the record as probing.
			if icon := s.get("/favicon.ico").ok(t); icon.header.Get("Content-Type") != "image/svg+xml" {
				t.Errorf("icon: %q", icon.header.Get("Content-Type"))
			}
		})
	}
}

// TestOpenAPI: the published specification is valid, and holds public paths only;
// in production also none of development.
func TestOpenAPI(t *testing.T) {
	tests := []struct {
		name        string
		set         []option
		development bool
	}{
		{"development", nil, true},
		{"production", []option{production}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, tt.set...)
			got := s.get("/openapi.json").ok(t)
			loader := openapi3.NewLoader()
			spec, err := loader.LoadFromData([]byte(got.body))
			if err != nil {
				t.Fatal(err)
			}
			if err := spec.Validate(loader.Context); err != nil {
				t.Error(err)
			}
			dev := 0
			for path := range spec.Paths.Map() {
				if strings.HasPrefix(path, "/internal") {
					t.Errorf("%s is internal", path)
				}
				if strings.HasPrefix(path, "/dev") {
					dev++
				}
			}
			if (dev > 0) != tt.development || spec.Paths.Len() < 20 {
				t.Errorf("%d of %d paths are of development", dev, spec.Paths.Len())
			}
			if !tt.development && strings.Contains(got.body, "evelopment") {
				t.Error("the production spec speaks of development")
			}
			if !json.Valid([]byte(got.body)) || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("Content-Type = %q", got.header.Get("Content-Type"))
			}
		})
	}
}

// TestWellKnown: RFC 9116 with a contact, a problem document without one; and
// the place where password managers send people.
func TestWellKnown(t *testing.T) {
	s := start(t)
	s.get("/.well-known/security.txt").refused(t, 404, fault.CodeNotFound)
	change := s.get("/.well-known/change-password")
	if change.status != http.StatusFound || !strings.HasPrefix(change.header.Get("Location"), "/") {
		t.Errorf("change-password: %d %q", change.status, change.header.Get("Location"))
	}
	s = start(t, config(func(c *gateway.Config) { c.SecurityContact = "mailto:security@example.org" }))
	text := s.get("/.well-known/security.txt").ok(t)
	for _, line := range []string{"Contact: mailto:security@example.org\n", "Expires: 20", "Preferred-Languages: en, es\n"} {
		if !strings.Contains(text.body, line) {
			t.Errorf("no %q in %q", line, text.body)
		}
	}
	if text.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("Content-Type = %q", text.header.Get("Content-Type"))
	}
}
