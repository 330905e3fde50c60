package main_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The rules of architecture.md, "Who may import whom" and "Names and sizes".
// Whoever needs another edge changes the design first, and this table with it.

// layer is what kind of package a folder holds.
type layer string

const (
	layerMain      layer = "main"           // the root
	layerRunner    layer = "runner"         // services/runner
	layerCLI       layer = "cli"            // gateway/cli
	layerSDK       layer = "sdk"            // openapi/sdk
	layerGateway   layer = "gateway"        // gateway
	layerInside    layer = "gateway inside" // gateway/internal, gateway/web
	layerService   layer = "service"        // services/<svc>
	layerDomain    layer = "domain"         // services/<svc>/internal/<domain>
	layerHTTP      layer = "httpapi"        // services/<svc>/internal/httpapi and other transports
	layerStore     layer = "store"          // services/<svc>/internal/store/...
	layerStoreTest layer = "storetest"      // services/<svc>/internal/<x>/<x>test: what every one of its kind must do
	layerPeers     layer = "peers"          // services/<svc>/internal/peers
	layerShared    layer = "shared"
	layerGenAPI    layer = "generated server"
	layerGenClient layer = "generated client"
	layerFrames    layer = "generated frames" // openapi/gen/chatframes: the chat's wire format, of both ends
	layerDeploy    layer = "deploy"           // deploy/e2e, deploy/bench: look from outside
	layerTool      layer = "tool"             // tools, openapi/bundle
)

// imports is the rule table: which layers of ours a package of a layer may
// import, not counting tests. Layers inside a service mean the same service.
var imports = map[layer][]layer{
	layerMain:      {layerRunner, layerCLI},
	layerRunner:    {layerRunner, layerService, layerGateway, layerShared}, // runner/backup
	layerCLI:       {layerCLI, layerSDK, layerGenClient},                   // the demo is a verb that plays cli/story
	layerSDK:       {layerGenClient, layerFrames},
	layerGateway:   {layerInside, layerGenAPI, layerGenClient, layerShared},
	layerInside:    {layerInside, layerGenAPI, layerGenClient, layerShared},
	layerService:   {layerDomain, layerHTTP, layerStore, layerPeers, layerGenAPI, layerShared},
	layerDomain:    {layerDomain, layerShared},
	layerHTTP:      {layerHTTP, layerDomain, layerGenAPI, layerFrames, layerShared},
	layerStore:     {layerStore, layerDomain, layerShared},
	layerStoreTest: {layerDomain, layerShared},
	layerPeers:     {layerDomain, layerGenClient, layerShared},
	layerShared:    {layerShared},
	layerGenAPI:    {},
	layerGenClient: {},
	layerFrames:    {layerShared}, // the table is strictjson's
	layerDeploy:    {layerDeploy, layerRunner, layerCLI, layerSDK, layerGenClient, layerShared},
	layerTool:      {layerTool},
}

// inTests is what test files may import beside what their package may.
var inTests = map[layer][]layer{
	layerMain:      {layerShared},
	layerCLI:       {layerShared},
	layerSDK:       {layerShared},
	layerService:   {layerStoreTest, layerGenClient, layerFrames}, // a component test speaks the wire
	layerDomain:    {layerStore, layerStoreTest, layerPeers},
	layerHTTP:      {layerStore, layerPeers, layerGenClient, layerService},
	layerStore:     {layerStoreTest},
	layerStoreTest: {layerStore},
	layerPeers:     {layerGenAPI},
	layerShared:    {layerGenAPI},
	layerTool:      {layerFrames, layerShared}, // the generator's tests run what it made
}

// transports are folders under services/<svc>/internal that speak to clients, like httpapi.
var transports = []string{"httpapi", "socket", "protocol"}

// adapters are folders there that stand, like peers, behind an interface that the domain declares.
var adapters = []string{"peers", "signing"}

// sharedForDomain are the packages of shared that a domain package may import (outside its tests).
// bounded is a plain map with a limit, sweep a loop, limits a table whose counters a domain is given,
// humantext a cleaner of strings, verdicts the words of a verdict (design: audit, "Rooms"). sms is types and the Sender; the provider is below it (shared/sms/twilio), and not for a domain.
var sharedForDomain = []string{"fault", "clock", "id", "secret", "cursor", "record", "bounded", "limits", "sweep", "sms", "humantext", "verdicts"}

// notInDomain are prefixes of what rule 2 keeps out of domain packages.
var notInDomain = []string{
	"net/http", "database/sql", "modernc.org/sqlite", "go.mongodb.org/", "github.com/redis/", "github.com/gin-gonic/",
	"github.com/gorilla/", "github.com/getkin/", "github.com/oapi-codegen/", "github.com/prometheus/", "github.com/twilio/",
}

// realTime are the files that may ask for the real time, each with the reason.
// All others take time as an argument, or from a clock.Clock.
var realTime = map[string]string{
	"shared/clock/":                            "the one place that asks",
	"shared/access/verifier.go":                "how often keys are fetched: a rate between machines",
	"shared/httpkit/body.go":                   "deadlines of connections: a client that is slow to send",
	"shared/id/ordered.go":                     "an id begins with the time between machines, which is not moved with the product's",
	"shared/httpkit/breaker.go":                "how long a peer has been silent",
	"shared/httpkit/client.go":                 "latency, and what is left of a deadline",
	"shared/httpkit/observe.go":                "latency",
	"shared/auditlink/auditlinktest/":          "tests' verdicts last an hour",
	"shared/httpkit/httpkittest/identity.go":   "service tokens live in real time, also forged ones",
	"shared/mongox/outbox.go":                  "how long a lease between processes lasts",
	"shared/outbox/shipper.go":                 "how long the log's cursor has lagged: a rate of writes",
	"shared/obs/event.go":                      "when a line was logged",
	"shared/lifecycle/lifecycle.go":            "how long a unit took to start and stop",
	"tools/mutants/judge.go":                   "how long tests take without a mutant",
	"shared/probe/probe.go":                    "how long an answer about readiness stands: a stopwatch's time",
	"shared/sms/twiliotest/server.go":          "a stand-in's timestamps, which nobody reads",
	"shared/svcauth/signer.go":                 "service tokens live in real time on every machine",
	"shared/svcauth/verifier.go":               "service tokens live in real time on every machine",
	"gateway/internal/edge/refuse.go":          "deadline of a connection",
	"gateway/internal/proxy/upgrade.go":        "deadline of a socket's connection",
	"openapi/sdk/":                             "the SDK runs on the user's machine, by its clock",
	"services/auth/internal/password/pace.go":  "an answer takes as long whether or not the name exists: a stopwatch's time",
	"services/auth/internal/account/signin.go": "the same stopwatch",
	"services/chat-relay/internal/socket/":     "read budgets and deadlines of connections",
}

// badNames say nothing about what a package gives.
var badNames = []string{"util", "utils", "common", "helper", "helpers", "types", "model", "models", "core", "manager", "misc", "base"}

const (
	module      = "centinela"
	maxLines    = 600
	maxMainGo   = 120
	generatedGo = ".gen.go"
)

// file is one parsed source file.
type file struct {
	name   string // slash-separated, from the root
	test   bool
	gen    bool
	lines  int
	syntax *ast.File
	set    *token.FileSet
}

func (f file) dir() string { return path.Dir(f.name) }

func (f file) at(pos token.Pos) string {
	return f.name + ":" + strconv.Itoa(f.set.Position(pos).Line)
}

// skipDir are folders without sources of ours.
func skipDir(name string) bool {
	return slices.Contains([]string{".git", "data", "bin", "coverage", "node_modules", "testdata"}, name)
}

// sources parses every Go file of the repository.
func sources(t *testing.T) []file {
	t.Helper()
	var out []file
	walk(t, func(name string) {
		if !strings.HasSuffix(name, ".go") {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, file{
			name: name, test: strings.HasSuffix(name, "_test.go"), gen: strings.HasSuffix(name, generatedGo),
			lines: bytes.Count(text, []byte("\n")), syntax: syntax, set: set,
		})
	})
	if len(out) == 0 {
		t.Fatal("no sources found")
	}
	return out
}

// walk calls visit with each file of ours.
func walk(t *testing.T, visit func(name string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && skipDir(entry.Name()):
			return filepath.SkipDir
		case entry.Type().IsRegular():
			visit(filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// layerOf says what a folder is, and which service it belongs to ("" for none).
func layerOf(dir string) (l layer, service string) {
	parts := strings.Split(dir, "/")
	switch {
	case dir == ".":
		return layerMain, ""
	case dir == "services/runner" || strings.HasPrefix(dir, "services/runner/"):
		return layerRunner, ""
	case parts[0] == "services":
		return layerInService(parts)
	case strings.HasPrefix(dir, "gateway/cli"):
		return layerCLI, ""
	case dir == "gateway":
		return layerGateway, ""
	case parts[0] == "gateway":
		return layerInside, ""
	case strings.HasPrefix(dir, "openapi/sdk"):
		return layerSDK, ""
	case strings.HasPrefix(dir, "openapi/gen/") && strings.HasSuffix(dir, "client"):
		return layerGenClient, ""
	case dir == "openapi/gen/chatframes":
		return layerFrames, ""
	case strings.HasPrefix(dir, "openapi/gen/"):
		return layerGenAPI, ""
	case parts[0] == "shared":
		return layerShared, ""
	case parts[0] == "deploy":
		return layerDeploy, ""
	case parts[0] == "tools" || parts[0] == "openapi":
		return layerTool, ""
	}
	return "", ""
}

// layerInService is layerOf below services/<svc>.
func layerInService(parts []string) (l layer, service string) {
	if len(parts) < 2 {
		return "", ""
	}
	service = parts[1]
	switch {
	case len(parts) == 2:
		return layerService, service
	case parts[2] != "internal" || len(parts) == 3:
		return "", service // everything but the module is internal
	case slices.Contains(transports, parts[3]):
		return layerHTTP, service
	case len(parts) > 4 && parts[4] == parts[3]+"test": // storetest, bustest
		return layerStoreTest, service
	case parts[3] == "store":
		return layerStore, service
	case slices.Contains(adapters, parts[3]):
		return layerPeers, service
	}
	return layerDomain, service
}

// imported lists the paths that a file imports.
func (f file) imported() []string {
	out := make([]string, 0, len(f.syntax.Imports))
	for _, spec := range f.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has accepted it
		}
		out = append(out, p)
	}
	return out
}

// refusal says why a file in dir may not import target ("" when it may).
func refusal(dir string, test bool, target string) string {
	from, service := layerOf(dir)
	ours, ok := strings.CutPrefix(target, module+"/")
	if !ok {
		if from == layerDomain && !test {
			for _, prefix := range notInDomain {
				if strings.HasPrefix(target, prefix) {
					return "a domain package knows no transport, driver or meter (rule 2)"
				}
			}
		}
		return ""
	}
	to, toService := layerOf(ours)
	allowed := imports[from]
	if test {
		allowed = slices.Concat(allowed, inTests[from], []layer{from})
	}
	switch {
	case from == "":
		return "the folder has no place in the tree of architecture.md"
	case !slices.Contains(allowed, to):
		return "a " + string(from) + " package may not import a " + string(to) + " package"
	case service != "" && toService != "" && service != toService:
		return "a service never imports another service (rule 1)"
	case from == layerDomain && to == layerShared && !test && !slices.Contains(sharedForDomain, strings.TrimPrefix(ours, "shared/")):
		return "of shared, a domain package imports only " + strings.Join(sharedForDomain, ", ")
	case from == layerHTTP && to == layerGenAPI && ours != "openapi/gen/"+strings.ReplaceAll(service, "-", "")+"api":
		return "a service implements its own specification only"
	}
	return ""
}

// TestImports holds every import against the rule table.
func TestImports(t *testing.T) {
	for _, f := range sources(t) {
		if strings.HasPrefix(f.name, "deploy/testmongo/") {
			continue // a module of its own, which can import nothing of ours
		}
		for _, target := range f.imported() {
			if why := refusal(f.dir(), f.test, target); why != "" {
				t.Errorf("%s imports %s: %s", f.name, target, why)
			}
		}
	}
}

// TestRefusal: the table refuses what the design refuses, also before such code exists.
func TestRefusal(t *testing.T) {
	tests := []struct {
		dir, target string
		test, ok    bool
	}{
		{dir: ".", target: "centinela/services/runner", ok: true},
		{dir: ".", target: "centinela/services/auth"},
		{dir: ".", target: "centinela/gateway/cli", ok: true},
		{dir: "services/runner", target: "centinela/services/auth", ok: true},
		{dir: "services/runner", target: "centinela/services/auth/internal/account"},
		{dir: "services/auth", target: "centinela/services/recovery"},
		{dir: "services/auth", target: "centinela/services/recovery", test: true},
		{dir: "services/auth", target: "centinela/services/runner"},
		{dir: "services/auth", target: "centinela/services/auth/internal/account", ok: true},
		{dir: "services/recovery/internal/post", target: "centinela/shared/sms", ok: true},
		{dir: "services/recovery/internal/post", target: "centinela/shared/sms/twilio"},
		{dir: "services/recovery/internal/claim", target: "centinela/services/recovery/internal/wallet", ok: true},
		{dir: "services/recovery/internal/claim", target: "centinela/shared/humantext", ok: true},
		{dir: "services/auth/internal/account", target: "net/http"},
		{dir: "services/auth/internal/account", target: "github.com/gin-gonic/gin"},
		{dir: "services/auth/internal/account", target: "github.com/prometheus/client_golang/prometheus"},
		{dir: "services/auth/internal/account", target: "go.mongodb.org/mongo-driver/v2/mongo"},
		{dir: "services/auth/internal/account", target: "golang.org/x/crypto/argon2", ok: true},
		{dir: "services/auth/internal/account", target: "centinela/shared/fault", ok: true},
		{dir: "services/auth/internal/account", target: "centinela/shared/httpkit"},
		{dir: "services/auth/internal/account", target: "centinela/shared/testkit", test: true, ok: true},
		{dir: "services/auth/internal/account", target: "centinela/openapi/gen/authapi"},
		{dir: "services/auth/internal/account", target: "centinela/services/auth/internal/store/sqlite"},
		{dir: "services/auth/internal/account", target: "centinela/services/auth/internal/store/sqlite", test: true, ok: true},
		{dir: "services/auth/internal/httpapi", target: "centinela/openapi/gen/authapi", ok: true},
		{dir: "services/auth/internal/httpapi", target: "centinela/openapi/gen/recoveryapi"},
		{dir: "services/auth/internal/httpapi", target: "centinela/openapi/gen/recoveryclient"},
		{dir: "services/auth/internal/httpapi", target: "centinela/services/auth/internal/store/sqlite"},
		{dir: "services/chat-relay/internal/httpapi", target: "centinela/openapi/gen/chatrelayapi", ok: true},
		{dir: "services/auth/internal/peers", target: "centinela/openapi/gen/auditclient", ok: true},
		{dir: "services/auth/internal/store/sqlite", target: "centinela/services/auth/internal/account", ok: true},
		{dir: "services/auth/internal/store/sqlite", target: "centinela/services/auth/internal/httpapi"},
		{dir: "services/auth/internal/store/sqlite", target: "centinela/services/auth/internal/store/storetest"},
		{dir: "services/auth/internal/store/sqlite", target: "centinela/services/auth/internal/store/storetest", test: true, ok: true},
		{dir: "services/chat-relay/internal/bus/bustest", target: "centinela/shared/testkit", ok: true},
		{dir: "services/chat-relay/internal/room", target: "centinela/services/chat-relay/internal/bus/bustest"},
		{dir: "shared/httpkit", target: "centinela/shared/fault", ok: true},
		{dir: "shared/httpkit", target: "centinela/services/auth"},
		{dir: "shared/httpkit", target: "centinela/openapi/gen/authapi"},
		{dir: "gateway/internal/edge", target: "centinela/services/auth"},
		{dir: "gateway/cli", target: "centinela/openapi/sdk", ok: true},
		{dir: "gateway/cli", target: "centinela/gateway"},
		{dir: "openapi/sdk", target: "centinela/openapi/gen/gatewayclient", ok: true},
		{dir: "openapi/sdk", target: "centinela/openapi/gen/gatewayapi"},
		{dir: "openapi/sdk", target: "centinela/openapi/gen/chatframes", ok: true},
		{dir: "services/chat-relay/internal/room", target: "centinela/openapi/gen/chatframes"},
		{dir: "services/chat-relay/internal/room", target: "centinela/services/chat-relay/internal/socket"},
		{dir: "deploy/e2e", target: "centinela/services/runner", ok: true},
		{dir: "deploy/e2e", target: "centinela/services/auth", test: true},
		{dir: "lib/strings", target: "centinela/shared/fault"},
	}
	for _, tt := range tests {
		t.Run(tt.dir+" "+tt.target, func(t *testing.T) {
			if why := refusal(tt.dir, tt.test, tt.target); (why == "") != tt.ok {
				t.Errorf("test file %v: got %q, want allowed %v", tt.test, why, tt.ok)
			}
		})
	}
}

// TestSDKWithoutServer: whoever uses the SDK doesn't pull in gin, also not through others.
func TestSDKWithoutServer(t *testing.T) {
	if _, err := os.Stat("openapi/sdk"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./openapi/sdk/...", "./gateway/cli/...").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(dep, "github.com/gin-gonic/") || strings.HasPrefix(dep, "modernc.org/sqlite") || strings.HasPrefix(dep, "go.mongodb.org/") {
			t.Errorf("the SDK or the command line depends on %s", dep)
		}
	}
}

// TestDocs: every package but generated ones says in doc.go (the command: in main.go) what it owns, trusts and hands over.
func TestDocs(t *testing.T) {
	hand, documented := map[string]bool{}, map[string]bool{}
	for _, f := range sources(t) {
		if f.gen {
			continue
		}
		hand[f.dir()] = true
		if (path.Base(f.name) == "doc.go" || f.name == "main.go") && f.syntax.Doc != nil && len(f.syntax.Doc.Text()) > 40 {
			documented[f.dir()] = true
		}
	}
	for dir := range hand {
		if !documented[dir] {
			t.Errorf("%s has no doc.go with a package comment", dir)
		}
	}
}

// TestSizes: 600 lines are the end, and main.go holds sub-commands only.
func TestSizes(t *testing.T) {
	for _, f := range sources(t) {
		limit := maxLines
		if f.name == "main.go" {
			limit = maxMainGo
		}
		if !f.gen && f.lines > limit {
			t.Errorf("%s has %d lines, more than %d", f.name, f.lines, limit)
		}
	}
}

// TestNames: a package is named for what it gives.
func TestNames(t *testing.T) {
	for _, f := range sources(t) {
		if slices.Contains(badNames, f.syntax.Name.Name) || slices.Contains(badNames, path.Base(f.dir())) {
			t.Errorf("%s: package %s is named for nothing that it gives", f.name, f.syntax.Name.Name)
		}
	}
}

// TestNoInit: nothing happens before main says so.
func TestNoInit(t *testing.T) {
	for _, f := range sources(t) {
		for _, decl := range f.syntax.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && !f.gen && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: init() is not allowed", f.at(fn.Pos()))
			}
		}
	}
}

// uses calls visit for each pkg.Name that a file mentions, with pkg's import path.
func (f file) uses(visit func(pkg, name string, pos token.Pos)) {
	paths := map[string]string{}
	for _, spec := range f.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has accepted it
		}
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		paths[name] = p
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && paths[x.Name] != "" {
				visit(paths[x.Name], sel.Sel.Name, sel.Pos())
			}
		}
		return true
	})
}

// TestRealTime: only listed files ask for the real time, so that travelled time reaches everything else.
func TestRealTime(t *testing.T) {
	used := map[string]bool{}
	for _, f := range sources(t) {
		if f.test || f.gen || strings.HasPrefix(f.name, "deploy/") {
			continue // tests and what runs around the product measure real time
		}
		f.uses(func(pkg, name string, pos token.Pos) {
			if pkg != "time" || (name != "Now" && name != "Since" && name != "Until") {
				return
			}
			for listed := range realTime {
				if f.name == listed || (strings.HasSuffix(listed, "/") && strings.HasPrefix(f.name, listed)) {
					used[listed] = true
					return
				}
			}
			t.Errorf("%s: time.%s: take the time as an argument or from clock.Clock, or list the file in realTime with the reason", f.at(pos), name)
		})
	}
	for listed := range realTime {
		if !used[listed] {
			t.Errorf("realTime lists %s, which doesn't ask for the time: take it off the list", listed)
		}
	}
}

// unfinished finds the words that mark work left for later (written apart, so that this file passes).
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b`)

// TestNothingLeftForLater: an open point belongs on the board, not in the tree.
func TestNothingLeftForLater(t *testing.T) {
	kinds := []string{".go", ".yaml", ".yml", ".md", ".sh", ".html", ".css", ".js", ".sql", ".mod", ".txt", ""}
	walk(t, func(name string) {
		if strings.HasSuffix(name, generatedGo) || !slices.Contains(kinds, path.Ext(path.Base(name))) {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if unfinished.MatchString(line) {
				t.Errorf("%s:%d: %s", name, i+1, strings.TrimSpace(line))
			}
		}
	})
}
