package runner

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"centinela/shared/lifecycle"
	"centinela/shared/obs"
	"centinela/shared/testkit"
)

// AG W4: development and the operations listeners are reached from this machine
// alone, unless the configuration says in words that they may be reached from more.
func TestStaysAtHome(t *testing.T) {
	const dev, ops = "gateway.i_know_development_is_public=true", "ops.i_know_this_is_public=true"
	tests := []struct {
		set  []string
		path string // of the error; "" is none
	}{
		{[]string{"gateway.listen=0.0.0.0:8080"}, "gateway.listen"},
		{[]string{"gateway.listen=:8080"}, "gateway.listen"},
		{[]string{"gateway.listen=[::]:8080", ops}, "gateway.listen"},
		{[]string{"gateway.listen=0.0.0.0:8080", dev}, ""},
		{[]string{"gateway.listen=[::1]:8080"}, ""},
		{[]string{"ops.listen=0.0.0.0:9080"}, "ops.listen"},
		{[]string{"ops.listen=:9080", dev}, "ops.listen"},
		{[]string{"ops.listen=10.1.2.3:9080", ops}, ""},
		{[]string{"services.auth.ops=0.0.0.0:9081"}, "services.auth.ops"},
		{[]string{"services.gateway.ops=0.0.0.0:9081"}, "services.gateway.ops"},
		{[]string{"services.auth.ops=0.0.0.0:9081", ops}, ""},
		{[]string{"profile=production", "ops.listen=0.0.0.0:9080"}, "ops.listen"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.set, " "), func(t *testing.T) {
			err := load(t, tt.set...).Validate(All)
			if tt.path == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if tt.path != "" && (err == nil || !strings.Contains(err.Error(), tt.path+": ") || !strings.Contains(err.Error(), "i_know_")) {
				t.Errorf("got %v, want an error at %s that says which key allows it", err, tt.path)
			}
		})
	}
	production := load(t, "profile=production", "gateway.listen=0.0.0.0:8080").Validate(All)
	if production == nil || strings.Contains(production.Error(), "gateway.listen") {
		t.Errorf("production can't listen on the network: %v", production)
	}
}

// Two processes with the same configuration say the same hash, others another one;
// a secret has no part in it.
func TestConfigHash(t *testing.T) {
	if load(t).hash() != load(t).hash() || len(load(t).hash()) != 12 {
		t.Errorf("%s and %s", load(t).hash(), load(t).hash())
	}
	if load(t).hash() == load(t, "log.level=debug").hash() || load(t).hash() == load(t, "auth.session.ttl=1h").hash() {
		t.Error("another configuration has the same hash")
	}
	with := func(uri string) string { return load(t, "store.engine=mongodb", "store.uri="+uri).hash() }
	if with("mongodb://a:one@h/") != with("mongodb://a:two@h/") {
		t.Error("the hash tells one password from another")
	}
}

// reloadable is a part that has files to read again.
type reloadable struct {
	*fakeModule
	asked atomic.Int32
	err   error
}

func (r *reloadable) Reload() error {
	r.asked.Add(1)
	return r.err
}

// FR A26: SIGHUP makes parts read their files again, and ends nothing.
func TestHangupReloads(t *testing.T) {
	var logs testkit.Buffer
	good, bad := &reloadable{fakeModule: newFake(t)}, &reloadable{fakeModule: newFake(t), err: errors.New("half a certificate")}
	s := &suite{log: obs.NewLogger(&logs, All, "info", obs.FormatJSON), parts: []*part{
		{name: "one", module: good}, {name: "two", module: bad}, {name: "three", module: newFake(t)},
	}}
	ctx, stop := context.WithCancel(context.Background())
	up, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- lifecycle.Run(ctx, s.log, 10*time.Second, s.hangup(), announcement(func() { close(up) }))
	}()
	<-up
	for n := range int32(2) {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, 5*time.Second, func() (bool, string) { return good.asked.Load() > n && bad.asked.Load() > n, "not asked" })
	}
	testkit.Eventually(t, 5*time.Second, func() (bool, string) {
		return strings.Contains(logs.String(), "half a certificate") && strings.Contains(logs.String(), `"part":"two"`), logs.String()
	})
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// AG D9: /readyz names the part that is not able, and asks them all at once.
func TestReadyNamesThePart(t *testing.T) {
	m := newFake(t)
	r := run(t, m)
	slow := &part{name: "slow", module: newFake(t)}
	slow.state.Store(&errStarting)
	s := &suite{parts: []*part{r.part, slow}}
	if got := s.ready(); len(got) != 2 || got[0].Name != "audit" || got[0].Err != nil || got[1].Name != "slow" || !errors.Is(got[1].Err, errStarting) {
		t.Errorf("%+v", got)
	}
	full := errors.New("the database is full")
	m.notReady.Store(&full)
	if got := s.ready(); !errors.Is(got[0].Err, full) {
		t.Errorf("%+v", got)
	}
}
