package gateway

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/obs"
)

// traveller is a clock that can be moved: the development profile's.
type traveller interface {
	Advance(time.Duration) (time.Time, error)
	Offset() time.Duration
}

// clockState is the answer of /dev/clock (schema Clock).
type clockState struct {
	Now           time.Time `json:"now"`
	OffsetSeconds int64     `json:"offset_seconds"`
}

// errNotWired is a mistake of the runner: development without a clock that travels.
var errNotWired = fault.New(fault.KindInternal, fault.CodeInternal, "")

// What production says to those who take it for development.
var (
	errDevRoute = fault.New(fault.KindForbidden, fault.CodeDevOnly,
		"the production profile has no simulated phones and no clock to move: texts go out as recovery.sms says; to try things out start a suite with profile=development")
	errDevName = fault.New(fault.KindForbidden, fault.CodeDevOnly,
		"simulated phones and the clock answer to an address, to localhost and to gateway.public_base, not to another name: a page elsewhere could have its name lead here")
	errDevAddress = fault.New(fault.KindForbidden, fault.CodeDevOnly,
		"the production profile takes the client's address from the connection, or from X-Forwarded-For of a proxy that gateway.proxy.trusted names; leave X-Dev-Address out")
)

// devRoutes are refused by name in production, so that nobody looks for a mistake of his own.
var devRoutes = [...]string{"/dev/clock", "/dev/phone", "/dev/phone/replies"}

func refuseDevelopment(engine *gin.Engine) {
	for _, path := range devRoutes {
		engine.Any(path, func(c *gin.Context) { httpkit.Fail(c, errDevRoute) })
	}
}

// noPretence refuses a pretended address: whoever sends one believes that it counts.
func noPretence(c *gin.Context) {
	if c.GetHeader(httpkit.HeaderDevAddress) != "" {
		httpkit.Fail(c, errDevAddress)
	}
}

// stayHome refuses development's own routes under a foreign name (DNS rebinding): a page in the developer's browser could
// read the texts.
func (m *Module) stayHome(c *gin.Context) {
	if m.cfg.PublicDevelopment || !strings.HasPrefix(c.Request.URL.Path, "/dev/") || obs.HostIsLocal(c.Request.Host) {
		return
	}
	if own := m.cfg.ownHost(); own == "" || !strings.EqualFold(own, c.Request.Host) {
		httpkit.Fail(c, errDevName)
	}
}

// developmentRoutes are the gateway's own routes that production doesn't have.
func (m *Module) developmentRoutes(engine *gin.Engine) error {
	clk, ok := m.deps.Clock.(traveller)
	if !ok {
		return errNotWired
	}
	show := func(c *gin.Context) {
		c.JSON(http.StatusOK, clockState{Now: m.deps.Clock.Now(), OffsetSeconds: int64(clk.Offset() / time.Second)})
	}
	engine.GET("/dev/clock", show)
	engine.POST("/dev/clock", func(c *gin.Context) {
		var body struct {
			Advance string `json:"advance"`
		}
		if err := c.ShouldBindJSON(&body); err != nil {
			httpkit.OnRequestError(c, err)
			return
		}
		d, err := time.ParseDuration(body.Advance)
		if err != nil {
			httpkit.Fail(c, fault.New(fault.KindInvalid, fault.CodeInvalidField, "advance must be a duration like 72h").
				WithFields(fault.Field{Pointer: "/advance", Code: string(fault.CodeInvalidField), Detail: "must be like 72h, 30m or 10s"}))
			return
		}
		if _, err := clk.Advance(d); err != nil {
			httpkit.Fail(c, err)
			return
		}
		show(c)
	})
	return nil
}

// withoutDevelopment takes the development routes out of the spec, so that they
// are unknown routes in production, and in the reference too.
func withoutDevelopment(spec *openapi3.T) {
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Extensions["x-profile"] == "development" {
				item.SetOperation(method, nil)
			}
		}
		if len(item.Operations()) == 0 {
			spec.Paths.Delete(path)
		}
	}
	spec.Tags = slices.DeleteFunc(spec.Tags, func(t *openapi3.Tag) bool { return t.Name == "development" })
}
