package runner

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"centinela/shared/lifecycle"
	"centinela/shared/module"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeModule is a part whose background work and requests a test plants.
type fakeModule struct {
	handler  http.HandlerFunc
	run      func(ctx context.Context) error
	notReady atomic.Pointer[error]
	drained  chan struct{}
	drain    sync.Once
	running  atomic.Int32
	closed   atomic.Bool
	t        *testing.T
}

func newFake(t *testing.T) *fakeModule {
	return &fakeModule{
		t: t, drained: make(chan struct{}),
		handler: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "served") },
		run:     func(ctx context.Context) error { <-ctx.Done(); return nil },
	}
}

func (f *fakeModule) Handler() http.Handler { return f.handler }
func (f *fakeModule) Drain()                { f.drain.Do(func() { close(f.drained) }) }

func (f *fakeModule) Ready() error {
	if err := f.notReady.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *fakeModule) Run(ctx context.Context) error {
	f.running.Add(1)
	defer f.running.Add(-1)
	err := f.run(ctx)
	for range 10_000 { // its last words: whoever doesn't wait for them is seen in Close
		runtime.Gosched()
	}
	return err
}

func (f *fakeModule) Close(context.Context) error {
	if f.running.Load() > 0 {
		f.t.Error("the stores were closed while the background work ran")
	}
	f.closed.Store(true)
	return nil
}

// running is a part that was started, as the runner starts it.
type running struct {
	part     *part
	module   *fakeModule
	registry *prometheus.Registry
	url      string
	stop     context.CancelFunc
	ended    chan error
}

// run starts the units of one part, and stops them at the end of the test.
func run(t *testing.T, m *fakeModule) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log, registry := testkit.Logger(t), prometheus.NewRegistry()
	p := newPart("audit", l, log, lifecycle.NewGroup("audit", log, registry), func(context.Context) (module.Module, error) { return m, nil })
	ctx, stop := context.WithCancel(context.Background())
	r := &running{part: p, module: m, registry: registry, url: "http://" + l.Addr().String(), stop: stop, ended: make(chan error, 1)}
	up := make(chan struct{})
	go func() {
		r.ended <- lifecycle.Run(ctx, log, 10*time.Second, append(p.units(), announcement(func() { close(up) }))...)
		close(r.ended)
	}()
	t.Cleanup(func() { stop(); <-r.ended; http.DefaultClient.CloseIdleConnections() })
	<-up
	return r
}

func (r *running) get(t *testing.T) (string, error) {
	t.Helper()
	res, err := http.Get(r.url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// R3: a panic that reaches a part's Run, and an error of it, end nothing: the
// part goes on serving, and its background work begins again.
func TestPanicInBackgroundWork(t *testing.T) {
	for name, fail := range map[string]func() error{
		"panic": func() error { panic("planted") },
		"error": func() error { return errors.New("planted") },
	} {
		t.Run(name, func(t *testing.T) {
			m := newFake(t)
			again := make(chan struct{})
			var begun atomic.Int32
			m.run = func(ctx context.Context) error {
				if begun.Add(1) == 1 {
					return fail()
				}
				close(again)
				<-ctx.Done()
				return nil
			}
			r := run(t, m)
			<-again
			if body, err := r.get(t); err != nil || body != "served" {
				t.Errorf("after the fault: %q, %v", body, err)
			}
			if err := r.part.ready(); err != nil {
				t.Errorf("not ready: %v", err)
			}
			r.stop()
			if err := <-r.ended; err != nil {
				t.Errorf("the stop says %v", err)
			}
			if !m.closed.Load() {
				t.Error("the stores were not closed")
			}
		})
	}
}

// Design "Lifecycle": a request that waits for something to happen is answered
// at the stop, and one that works is finished; until then /readyz says why not.
func TestStopDrains(t *testing.T) {
	m := newFake(t)
	entered, finish := make(chan struct{}, 2), make(chan struct{})
	m.handler = func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		if r.URL.Path == "/waits" {
			<-m.drained
		} else {
			<-finish
		}
		_, _ = io.WriteString(w, "finished")
	}
	r := run(t, m)
	answers := make(chan string, 2)
	for _, path := range []string{"/waits", "/works"} {
		go func() {
			res, err := http.Get(r.url + path)
			if err != nil {
				answers <- path + " " + err.Error()
				return
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body) // what came is what is compared
			answers <- path + " " + string(body)
		}()
	}
	<-entered
	<-entered
	r.stop()
	if got := <-answers; got != "/waits finished" {
		t.Errorf("got %q", got)
	}
	if err := r.part.ready(); !errors.Is(err, errStopping) {
		t.Errorf("ready while it drains: %v", err)
	}
	if m.closed.Load() {
		t.Error("the stores were closed before the requests were finished")
	}
	close(finish)
	if got := <-answers; got != "/works finished" {
		t.Errorf("got %q", got)
	}
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// A listener that fails ends the part, its background work, and then its stores.
func TestListenerFails(t *testing.T) {
	m := newFake(t)
	r := run(t, m)
	if err := r.part.listener.Close(); err != nil {
		t.Fatal(err)
	}
	err := <-r.ended
	if err == nil || !strings.HasPrefix(err.Error(), "audit: run: listener: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if !m.closed.Load() {
		t.Error("the stores were not closed")
	}
}

// What a part's stores say is what /readyz says.
func TestReady(t *testing.T) {
	m := newFake(t)
	p := newPart("auth", nil, testkit.Logger(t), nil, func(context.Context) (module.Module, error) { return m, nil })
	if err := p.ready(); !errors.Is(err, errStarting) {
		t.Errorf("before the start: %v", err)
	}
	r := run(t, m)
	if err := r.part.ready(); err != nil {
		t.Error(err)
	}
	gone := errors.New("the store does not answer")
	m.notReady.Store(&gone)
	if err := r.part.ready(); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}

// Design "Lifecycle": /healthz and /readyz answer while the parts still start.
func TestOperationsAnswerWhileStarting(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := testkit.Logger(t)
	s := &suite{log: log, topology: &topology{bound: map[string]net.Listener{operations: l}}}
	s.parts = []*part{newPart("audit", nil, log, nil, nil)}
	seen := make(chan string, 1)
	slow := announcement(func() {
		res, err := http.Get("http://" + l.Addr().String() + "/readyz")
		if err != nil {
			seen <- err.Error()
			return
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body) // what came is what is compared
		seen <- res.Status + " " + string(body)
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- lifecycle.Run(ctx, log, 10*time.Second, s.ops(), slow) }()
	if got := <-seen; got != "503 Service Unavailable not ready: audit: starting\n" {
		t.Errorf("got %q", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}
