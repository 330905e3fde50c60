package edge

import (
	"strings"

	"github.com/gin-gonic/gin"
)

// apiPolicy is the content policy of everything that is no page.
const apiPolicy = "default-src 'none'; frame-ancestors 'none'"

// fixed are the security headers of every answer (OWASP Secure Headers). The
// values are shared between answers and never changed: a page that wants another
// content policy sets a value of its own.
var fixed = [...]struct {
	name  string
	value []string
}{
	{"Content-Security-Policy", []string{apiPolicy}},
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"X-Frame-Options", []string{"DENY"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
	{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
	{"Cache-Control", []string{"no-store"}},
}

// fixedLines is fixed as it goes over the wire, for answers that no handler gives.
var fixedLines = func() string {
	var b strings.Builder
	for _, header := range fixed {
		b.WriteString(header.name + ": " + header.value[0] + "\r\n")
	}
	return b.String()
}()

var strictTransport = []string{"max-age=31536000; includeSubDomains"}

// Headers sets the security headers of every answer, before anything can refuse
// it. HSTS only where the gateway, or the proxy in front, speaks TLS.
func Headers(tls bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		h := c.Writer.Header()
		for i := range fixed {
			h[fixed[i].name] = fixed[i].value
		}
		if tls {
			h["Strict-Transport-Security"] = strictTransport
		}
	}
}
