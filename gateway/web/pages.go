package web

import (
	"bytes"
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	swaggerfiles "github.com/swaggo/files/v2"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
)

//go:embed assets
var assets embed.FS

// pagePolicy allows our own files and nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docsPolicy also allows the inline styles that Swagger UI sets.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Options is what differs between installations.
type Options struct {
	SpecJSON    []byte
	Development bool
	Contact     string // for security.txt: mailto: or https:
	Clock       clock.Clock
}

// validFor is the life of security.txt (RFC 9116 §2.5.5: less than a year).
const validFor = 180 * 24 * time.Hour

var errNoContact = fault.New(fault.KindNotFound, fault.CodeNotFound, "whoever runs this has not published a contact (gateway.security_contact)")

// Register adds the pages' routes, each for GET and HEAD.
func Register(r gin.IRoutes, o Options) {
	get := func(route string, handler gin.HandlerFunc) {
		r.GET(route, handler)
		r.HEAD(route, handler)
	}
	page := func(route, file string) { get(route, asset(file, pagePolicy)) }
	get("/", index(o.Development))
	page("/veto", "veto.html")
	page("/assets/icon.svg", "icon.svg")
	page("/favicon.ico", "icon.svg") // browsers ask for it unasked, and that is no probing
	for _, file := range []string{"style.css", "docs.css", "index.js", "veto.js"} {
		page("/assets/"+file, file)
	}
	if o.Development {
		page("/assets/phone.js", "phone.js")
	}
	get("/docs", asset("docs.html", docsPolicy))
	get("/assets/docs.js", asset("docs.js", docsPolicy))
	for _, file := range []string{"swagger-ui.css", "swagger-ui-bundle.js"} {
		get("/assets/"+file, swagger(file))
	}
	get("/openapi.json", func(c *gin.Context) { c.Data(http.StatusOK, "application/json", o.SpecJSON) })
	get("/.well-known/security.txt", securityTxt(o.Contact, o.Clock))
	get("/.well-known/change-password", func(c *gin.Context) { c.Redirect(http.StatusFound, "/docs#/accounts/changePassword") })
}

// Phone answers a browser with the page of the simulated phones, and lets every
// other client through to the JSON.
func Phone(next gin.HandlerFunc) gin.HandlerFunc {
	page := asset("phone.html", pagePolicy)
	return func(c *gin.Context) {
		c.Header("Vary", "Accept")
		if strings.Contains(c.GetHeader("Accept"), "text/html") {
			page(c)
			return
		}
		next(c)
	}
}

// development marks what of the first page only the development profile has.
const development = " data-development hidden"

// index is the first page. It tells a newcomer where to look, and names nothing that isn't there.
func index(all bool) gin.HandlerFunc {
	if !all {
		return asset("index.html", pagePolicy)
	}
	return serve("index.html", pagePolicy, bytes.ReplaceAll(read("index.html"), []byte(development), nil))
}

// asset serves one embedded file.
func asset(file, policy string) gin.HandlerFunc { return serve(file, policy, read(file)) }

// read returns an embedded file. The files are part of the program: one that is
// missing is a mistake of the build, found at the start.
func read(file string) []byte {
	text, err := assets.ReadFile("assets/" + file)
	if err != nil {
		panic("web: " + err.Error())
	}
	return text
}

func serve(file, policy string, text []byte) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Content-Security-Policy", policy)
		c.Data(http.StatusOK, contentTypes[path.Ext(file)], text)
	}
}

func swagger(file string) gin.HandlerFunc {
	text, err := fs.ReadFile(swaggerfiles.FS, file)
	if err != nil {
		panic("web: " + err.Error())
	}
	return func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=86400")
		c.Data(http.StatusOK, contentTypes[path.Ext(file)], text)
	}
}

// contentTypes are those of our files, by extension.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".svg":  "image/svg+xml",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
}

// securityTxt is RFC 9116; without a contact there is none to publish.
func securityTxt(contact string, clk clock.Clock) gin.HandlerFunc {
	return func(c *gin.Context) {
		if contact == "" {
			httpkit.Fail(c, errNoContact)
			return
		}
		expires := clk.Now().Add(validFor).Truncate(24 * time.Hour).Format(time.RFC3339)
		c.String(http.StatusOK, "Contact: %s\nExpires: %s\nPreferred-Languages: en, es\n", contact, expires)
	}
}
