package edge

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Origins are pages elsewhere that may use the API and the socket from a browser (CORS, WHATWG Fetch §3.2): one list for
// both, empty by default. They get no credentials of the browser's: there are none.
type Origins map[string]bool

// what a page elsewhere may send and read, beside what Fetch allows everybody.
const (
	corsMethods = "GET, POST, PUT, DELETE"
	corsHeaders = "Authorization, Content-Type"
	corsExposed = "RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"
	corsSeconds = "600"
)

// Answer marks the answers that such a page may read, refusals too.
func (o Origins) Answer(c *gin.Context) {
	origin := c.GetHeader("Origin")
	if !o[origin] {
		return
	}
	h := c.Writer.Header()
	h["Access-Control-Allow-Origin"] = []string{origin}
	h["Access-Control-Expose-Headers"] = []string{corsExposed}
	h["Cross-Origin-Resource-Policy"] = []string{"cross-origin"}
	h["Vary"] = []string{"Origin"}
}

// Preflight answers the browser's question whether the page may ask. It comes behind the firewall and the rates.
func (o Origins) Preflight(c *gin.Context) {
	if c.Request.Method != http.MethodOptions || c.GetHeader("Access-Control-Request-Method") == "" || !o[c.GetHeader("Origin")] {
		return
	}
	h := c.Writer.Header()
	h["Access-Control-Allow-Methods"] = []string{corsMethods}
	h["Access-Control-Allow-Headers"] = []string{corsHeaders}
	h["Access-Control-Max-Age"] = []string{corsSeconds}
	c.AbortWithStatus(http.StatusNoContent)
}
