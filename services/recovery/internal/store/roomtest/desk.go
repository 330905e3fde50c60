package roomtest

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/objection"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/clock"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/sms"
	"centinela/shared/testkit"
)

// Numbers, the first of which is mostly the oldest.
const (
	Older = "+51987654321"
	Newer = "+34600123456"
	Other = "+12025550101"
)

// Home is where calls come from.
var Home = record.Origin{Address: "203.0.113.7"}

// Options are what a desk has else than the plain one.
type Options struct {
	StartsPerAddress, StartsPerAccount int // 1000
	AnswerAfter                        time.Duration
	FreshSignIn                        time.Duration // 10 min
	Key                                *secret.Key
}

// Desk is the rooms with a courier, over one store.
type Desk struct {
	T          testing.TB
	Store      Store
	Clock      *clock.Manual
	Key        secret.Key
	Peer       *Peer
	Carrier    *Carrier
	Policy     engine.Policy
	Budget     *limits.Budget
	Wallets    *wallet.Service
	Claims     *claim.Service
	Objections *objection.Service
	Courier    *post.Courier
}

// New wires a desk.
func New(t testing.TB, store Store, o Options) *Desk {
	t.Helper()
	d := &Desk{T: t, Store: store, Clock: clock.NewManual(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)), Key: secret.RandomKey()}
	if o.Key != nil {
		d.Key = *o.Key
	}
	d.Peer = &Peer{now: d.Clock.Now, Account: wallet.Account{Found: true, ID: Owner, Locale: "es", SecurityVersion: 1}}
	d.Carrier = &Carrier{Inner: sms.NewSimulator(store, d.Clock)}
	var err error
	d.Policy, err = engine.Default()
	d.Must(err)
	d.Budget, err = limits.New(store.Counters(), d.Key, d.Clock, limits.Config{StartsPerAddress: cmp.Or(o.StartsPerAddress, 1000), StartsPerAccount: cmp.Or(o.StartsPerAccount, 1000)})
	d.Must(err)
	kick := func() {}
	writer := post.NewWriter(d.Key, "localhost")
	d.Wallets = wallet.New(wallet.Options{
		Store: store, Accounts: d.Peer, Policy: d.Policy, Budget: d.Budget, Writer: writer, Key: d.Key, Clock: d.Clock,
		FreshSignIn: cmp.Or(o.FreshSignIn, 10*time.Minute), Kick: kick,
	})
	d.Claims = claim.New(claim.Options{
		Store: store, Wallets: d.Wallets, Accounts: d.Peer, Places: d.Peer, Policy: d.Policy, Budget: d.Budget, Writer: writer,
		Key: d.Key, Clock: d.Clock, PublicURL: "http://localhost:8080", AnswerAfter: o.AnswerAfter, Kick: kick,
	})
	d.Objections = objection.New(objection.Options{
		Store: store, Wallets: d.Wallets, Claims: d.Claims, Policy: d.Policy, Clock: d.Clock,
	})
	d.Courier = d.NewCourier()
	return d
}

// NewCourier is another courier on the same queue.
func (d *Desk) NewCourier() *post.Courier {
	return post.NewCourier(d.Store, d.Key, d.Carrier, d.Clock, testkit.Logger(d.T), func() {})
}

// Must fails the test at once.
func (d *Desk) Must(err error) {
	d.T.Helper()
	testkit.Must(d.T, err)
}

// Me is the owner, who signed in just now.
func (d *Desk) Me() wallet.Person {
	return wallet.Person{Account: Owner, Session: Session, AuthTime: d.Clock.Now()}
}

// SendDue sends what is due.
func (d *Desk) SendDue() {
	d.T.Helper()
	d.Must(d.Courier.SendDue(d.T.Context()))
}

// Pass lets time go by, with a courier who works meanwhile, as in life.
func (d *Desk) Pass(time time.Duration) {
	d.T.Helper()
	d.SendDue()
	d.Clock.Advance(time)
}

// Sweep does what is due by time.
func (d *Desk) Sweep() {
	d.T.Helper()
	d.Must(d.Wallets.Sweep(d.T.Context()))
	d.Must(d.Claims.Sweep(d.T.Context()))
}

// Got is what the number got, newest first.
func (d *Desk) Got(number string) []string {
	d.T.Helper()
	d.SendDue()
	kept, err := d.Store.Kept(d.T.Context(), number, 1000)
	d.Must(err)
	var bodies []string
	for _, k := range kept {
		bodies = append(bodies, k.Body)
	}
	return bodies
}

// Told counts the texts to the number with that in them.
func (d *Desk) Told(number, part string) int {
	d.T.Helper()
	return len(slices.DeleteFunc(d.Got(number), func(body string) bool { return !strings.Contains(body, part) }))
}

var (
	codeIn = regexp.MustCompile(`#(\d{8})$`)
	linkIn = regexp.MustCompile(`/veto#([A-Za-z0-9_-]+)`)
)

// Codes are those that the number got, newest first.
func (d *Desk) Codes(number string) []string { return d.found(number, codeIn) }

// Links are the tokens of the links that the number got, newest first.
func (d *Desk) Links(number string) (links []secret.String) {
	for _, link := range d.found(number, linkIn) {
		links = append(links, secret.NewString(link))
	}
	return links
}

func (d *Desk) found(number string, what *regexp.Regexp) (all []string) {
	d.T.Helper()
	for _, body := range d.Got(number) {
		if m := what.FindStringSubmatch(body); m != nil {
			all = append(all, m[1])
		}
	}
	return all
}

// Events are those that wait for audit, in order.
func (d *Desk) Events() []record.Event {
	d.T.Helper()
	events, err := outboxtest.Read(d.T.Context(), d.Store, 10000)
	d.Must(err)
	return events
}

// Actions are the actions of the events, with their outcomes.
func (d *Desk) Actions() []string {
	d.T.Helper()
	var actions []string
	for _, e := range d.Events() {
		actions = append(actions, e.Action+" "+e.Outcome)
	}
	return actions
}

// Prove adds a number and proves it; it returns its id.
func (d *Desk) Prove(number string) string {
	d.T.Helper()
	v, err := d.Wallets.Add(d.T.Context(), d.Me(), Home, number)
	d.Must(err)
	d.enter(v.ID, number)
	return v.ID
}

// ProveAgain keeps a number live.
func (d *Desk) ProveAgain(id, number string) {
	d.T.Helper()
	_, err := d.Wallets.SendCode(d.T.Context(), d.Me(), id)
	d.Must(err)
	d.enter(id, number)
}

// enter brings the newest code that the number got.
func (d *Desk) enter(id, number string) {
	d.T.Helper()
	_, err := d.Wallets.Prove(d.T.Context(), d.Me(), Home, id, secret.NewString(d.Codes(number)[0]))
	d.Must(err)
}

// Two is a desk whose account has two trusted numbers.
func Two(t testing.TB, store Store, o Options) *Desk {
	t.Helper()
	d := New(t, store, o)
	d.Prove(Older)
	d.Clock.Advance(time.Minute)
	d.Prove(Newer)
	d.Clock.Advance(8 * 24 * time.Hour)
	return d
}

// Number is the id of the owner's number.
func (d *Desk) Number(e164 string) string {
	d.T.Helper()
	w, err := d.Wallets.Wallet(d.T.Context(), Owner)
	d.Must(err)
	mac := d.Wallets.NumberMAC(e164)
	i := slices.IndexFunc(w.Numbers, func(n wallet.Number) bool { return n.MAC == mac })
	return w.Numbers[i].ID
}

// Word is what the number's texts of the attempt have, to object to it.
func (d *Desk) Word(a Attempt, number string) string {
	d.T.Helper()
	return d.Wallets.Word(a.ID, d.Number(number))
}

// NO is the answer that objects to the attempt.
func (d *Desk) NO(a Attempt, number string) string {
	d.T.Helper()
	return "NO " + d.Word(a, number)
}

// Phone is the owner's view of a number.
func (d *Desk) Phone(id string) wallet.View {
	d.T.Helper()
	phones, err := d.Wallets.List(d.T.Context(), Owner)
	d.Must(err)
	i := slices.IndexFunc(phones, func(v wallet.View) bool { return v.ID == id })
	if i < 0 {
		return wallet.View{State: engine.Removed}
	}
	return phones[i]
}
