package recovery_test

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/recovery"
	"centinela/services/recovery/internal/store/mongo"
	"centinela/services/recovery/internal/store/sqlite"
	"centinela/shared/outbox"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/sms"
	"centinela/shared/testkit"
)

const (
	day    = 24 * time.Hour
	older  = "+51987654321"
	newer  = "+34600123456"
	saved  = "K7QM-2F9X-WB4T-Z6HR"
	newPwd = "pelican orbit mustard 42 lantern"
)

// stores is everything that either store is.
type stores interface {
	recovery.Store
	recovery.Texts
	recovery.Inbox
	outbox.Source
}

// onBoth runs a test on either store.
func onBoth(t *testing.T, test func(t *testing.T, store stores)) {
	t.Run("sqlite", func(t *testing.T) { test(t, openSQLite(t)) })
	t.Run("mongodb", func(t *testing.T) {
		uri, database := testkit.Mongo(t)
		s, err := mongo.Open(t.Context(), uri, database)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		test(t, s)
	})
}

func openSQLite(t *testing.T) *sqlite.Store {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// peer is auth and audit: one account, "ana".
type peer struct {
	mu      sync.Mutex
	facts   recovery.Account
	down    bool
	place   engine.Known
	thinks  time.Duration // what an account that exists costs more
	asked   []string      // accounts whose saved codes were tried
	resets  []string
	resetAt func() time.Time
}

func (p *peer) answer(found bool) (recovery.Account, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return recovery.Account{}, recovery.ErrUnavailableAuth
	}
	if !found {
		return recovery.Account{}, nil
	}
	if p.thinks > 0 { // in the bubble of TestV15Pace only, whose time is made up
		<-time.After(p.thinks)
	}
	return p.facts, nil
}

func (p *peer) Lookup(_ context.Context, identifier, _ string) (recovery.Account, error) {
	return p.answer(identifier == "ana")
}

func (p *peer) Facts(_ context.Context, account, _ string) (recovery.Account, error) {
	return p.answer(account == owner)
}

func (p *peer) RedeemSavedCode(_ context.Context, account string, code secret.String, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, account)
	if account != owner || code.Reveal() != saved {
		return recovery.ErrCode
	}
	return nil
}

func (p *peer) ResetPassword(_ context.Context, _ string, _ secret.String, reset string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.resets, reset) {
		p.resets = append(p.resets, reset)
		p.facts.ResetAt = p.resetAt()
	}
	return nil
}

func (p *peer) Familiarity(context.Context, string, string) (engine.Known, error) {
	return p.place, nil
}

// desk is the use cases with a courier, without HTTP: a test says when what is
// due by time is done.
type desk struct {
	*post
	*recovery.Service
	peer *peer
	mail *recovery.Courier
}

func newDesk(t *testing.T, store stores) *desk {
	t.Helper()
	d := &desk{post: postOn(t, store), peer: &peer{facts: recovery.Account{Found: true, ID: owner, Locale: "es"}}}
	d.peer.resetAt = d.clk.Now
	policy, err := engine.Default()
	if err != nil {
		t.Fatal(err)
	}
	d.Service = recovery.New(recovery.Options{
		Store: store, Accounts: d.peer, Places: d.peer, Policy: policy, Key: d.key, Clock: d.clk, OriginHost: "localhost",
		PublicURL: "http://localhost:8080", StartsPerAddress: 1000, StartsPerAccount: 1000, Kick: func() {},
	})
	d.mail = d.courier()
	return d
}

func (d *desk) me() recovery.Person {
	return recovery.Person{Account: owner, Session: "ses_a", AuthTime: d.clk.Now()}
}

var codeIn = regexp.MustCompile(`#(\d{8})$`)

// codes are those that the number got, newest first.
func (d *desk) codes(number string) []string {
	d.t.Helper()
	var codes []string
	for _, k := range d.got(number) {
		if m := codeIn.FindStringSubmatch(k); m != nil {
			codes = append(codes, m[1])
		}
	}
	return codes
}

// got is what the number got, newest first.
func (d *desk) got(number string) []string {
	d.t.Helper()
	d.sendDue(d.mail)
	kept, err := d.store.Kept(d.t.Context(), number, 1000)
	d.must(err)
	var bodies []string
	for _, k := range kept {
		bodies = append(bodies, k.Body)
	}
	return bodies
}

// announced counts the texts with a veto link.
func (d *desk) announced(number string) int {
	d.t.Helper()
	return len(slices.DeleteFunc(d.got(number), func(body string) bool { return !strings.Contains(body, "/veto#") }))
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) prove(number string) string {
	d.t.Helper()
	v, err := d.AddPhone(d.t.Context(), d.me(), record.Origin{}, number)
	d.must(err)
	_, err = d.VerifyPhone(d.t.Context(), d.me(), record.Origin{}, v.ID, secret.NewString(d.codes(number)[0]))
	d.must(err)
	return v.ID
}

// attempt is a recovery from its claimant's side.
type attempt struct {
	d     *desk
	id    string
	token secret.String
}

func (d *desk) start(identifier string) attempt {
	d.t.Helper()
	v, token, err := d.Start(d.t.Context(), record.Origin{Address: "203.0.113.7"}, identifier, secret.String{})
	d.must(err)
	return attempt{d, v.ID, token}
}

func (a attempt) sendCode(typed string) error {
	_, err := a.d.SendCode(a.d.t.Context(), record.Origin{}, a.id, a.token, typed)
	return err
}

func (a attempt) evidence(method, code string) (recovery.FlowView, error) {
	return a.d.AddEvidence(a.d.t.Context(), record.Origin{}, a.id, a.token, method, secret.NewString(code))
}

// codeFor asks for a code and reads it at number.
func (a attempt) codeFor(typed, number string) string {
	a.d.t.Helper()
	a.d.sendDue(a.d.mail)
	a.d.clk.Advance(time.Millisecond) // so that this one is the newest
	a.d.must(a.sendCode(typed))
	return a.d.codes(number)[0]
}

// bySMS brings a code that went to number.
func (a attempt) bySMS(number string) recovery.FlowView {
	a.d.t.Helper()
	v, err := a.evidence(engine.SMS, a.codeFor(number, number))
	a.d.must(err)
	return v
}

func (a attempt) complete() error {
	_, err := a.d.Complete(a.d.t.Context(), record.Origin{}, a.id, a.token, secret.NewString(newPwd))
	return err
}

func (a attempt) look() recovery.FlowView {
	a.d.t.Helper()
	v, err := a.d.Look(a.d.t.Context(), a.id, a.token)
	a.d.must(err)
	return v
}

func (a attempt) is(state recovery.FlowState) {
	a.d.t.Helper()
	if v := a.look(); v.State != state {
		a.d.t.Errorf("the recovery is %s, want %s", v.State, state)
	}
}

func (d *desk) sweep() {
	d.t.Helper()
	d.must(d.Sweep(d.t.Context()))
}

var errBroken = errors.New("broken by a test")

// always is a Sender that answers with one error, as long as it has one.
type always struct {
	mu    sync.Mutex
	inner sms.Sender
	err   error
}

func (s *always) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *always) Send(ctx context.Context, m sms.Message) (sms.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return sms.Receipt{}, s.err
	}
	return s.inner.Send(ctx, m)
}
