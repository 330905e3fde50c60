package module_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/auditlink/auditlinktest"
	"centinela/shared/clock"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/module"
	"centinela/shared/svcauth"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
)

// KB D3: a part that is started while audit is away obeys the copy that it kept. One that is cut, garbage, too old or
// another part's is no copy: the part isn't able, and says which file, until audit tells it everything.
func TestVerdictsOutliveTheirPart(t *testing.T) {
	audit := auditlinktest.New()
	audit.Put(auditlinktest.Verdict(verdicts.Refuse, verdicts.Subject{Kind: verdicts.KindIP, Value: "203.0.113.9"}))
	server := httptest.NewServer(http.HandlerFunc(audit.Watch))
	defer server.Close()
	services, clk := httpkittest.NewServices(t), clock.NewManual(time.Now())
	dir := filepath.Join(t.TempDir(), "gateway")
	part := func(url string, signer *svcauth.Signer, at clock.Clock) (*verdicts.Feed, *verdicts.Set, *testkit.Buffer) {
		t.Helper()
		log := &testkit.Buffer{}
		feed, set, err := module.Deps{
			Service: module.Gateway, Signer: signer, Store: module.Store{Dir: dir}, Clock: at, Log: slog.New(slog.NewTextHandler(log, nil)),
			Registry: prometheus.NewRegistry(), PeerURL: func(string) string { return url },
		}.Verdicts()
		if err != nil {
			t.Fatal(err)
		}
		return feed, set, log
	}
	refuses := func(set *verdicts.Set) bool {
		return set.Check(verdicts.Client{Addr: netip.MustParseAddr("203.0.113.9")}, clk.Now()).Action == verdicts.Refuse
	}
	learns := func() {
		t.Helper()
		feed, set, _ := part(server.URL, services.Signer(module.Gateway), clk)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- feed.Run(ctx) }()
		testkit.Eventually(t, testkit.Patience, func() (bool, string) { return feed.Able() && refuses(set), "it learns nothing" })
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	const away = "" // nobody is asked before Run
	mine := services.Signer(module.Gateway)
	if feed, set, log := part(away, mine, clk); feed.Able() || set.Len() != 0 || log.String() != "" {
		t.Errorf("a new part: able %v, %d held, %s", feed.Able(), set.Len(), log)
	}
	learns()
	if feed, set, log := part(away, mine, clk); !feed.Able() || !refuses(set) || log.String() != "" {
		t.Errorf("with the copy: able %v, %d held, %s", feed.Able(), set.Len(), log)
	}
	file := filepath.Join(dir, "verdicts.jsonl")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body   []byte
		signer *svcauth.Signer
		at     clock.Clock
	}{
		"empty":          {nil, mine, clk},
		"cut":            {good[:len(good)-10], mine, clk},
		"garbage":        {[]byte("{\"ver"), mine, clk},
		"changed":        {[]byte(strings.Replace(string(good), "203.0.113.9", "203.0.113.8", 1)), mine, clk},
		"another part's": {good, services.Signer(module.ChatRelay), clk},
		"of last week":   {good, mine, clock.NewManual(clk.Now().Add(7 * 24 * time.Hour))},
	} {
		if err := os.WriteFile(file, c.body, 0o600); err != nil {
			t.Fatal(err)
		}
		if feed, set, log := part(away, c.signer, c.at); feed.Able() || set.Len() != 0 || !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), file) {
			t.Errorf("%s: able %v, %d held, %s", name, feed.Able(), set.Len(), log)
		}
	}
	learns() // audit tells everything, and the copy is good again
	if feed, set, _ := part(away, mine, clk); !feed.Able() || !refuses(set) {
		t.Errorf("learnt anew: able %v, %d held", feed.Able(), set.Len())
	}
}
