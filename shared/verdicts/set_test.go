package verdicts

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// verdict is one on "kind value" subjects.
func verdict(id, action string, subjects ...Subject) Verdict {
	return Verdict{ID: id, Subjects: subjects, Action: action, Until: noon.Add(time.Minute)}
}

func ip(addr string) Subject     { return Subject{KindIP, addr} }
func prefix(p string) Subject    { return Subject{KindPrefix, p} }
func account(id string) Subject  { return Subject{KindAccount, id} }
func session(id string) Subject  { return Subject{KindSession, id} }
func device(hash string) Subject { return Subject{KindDevice, hash} }
func replace(t testing.TB, s *Set, all ...Verdict) {
	t.Helper()
	if err := s.Replace(all); err != nil {
		t.Fatal(err)
	}
}

func change(t testing.TB, s *Set, removed []string, changed ...Verdict) {
	t.Helper()
	if err := s.Apply(changed, removed); err != nil {
		t.Fatal(err)
	}
}

func client(addr, account, session, device string) Client {
	c := Client{Account: account, Session: session, Device: device}
	if addr != "" {
		c.Addr = netip.MustParseAddr(addr)
	}
	return c
}

func by(d Decision) string {
	if d.Verdict == nil {
		return ""
	}
	return d.Verdict.ID
}

// R2.3, R5.4: who is answered how, by which subject, and what overrules what.
func TestCheck(t *testing.T) {
	s := NewSet()
	replace(t, s,
		verdict("ip4", Refuse, ip("203.0.113.7")), verdict("ip6", Refuse, ip("2001:db8::7")),
		verdict("net4", Refuse, prefix("198.51.100.0/24")), verdict("net6", Refuse, prefix("2001:db8:5::/64")),
		verdict("good4", Allow, ip("198.51.100.9")),
		verdict("wide", Allow, prefix("192.0.0.0/16")), verdict("narrow", Refuse, prefix("192.0.2.0/24")),
		verdict("mapped", Refuse, prefix("::ffff:100.64.0.0/106")),
		verdict("acc", Refuse, account("acc_1")), verdict("ses", Refuse, session("ses_1")), verdict("dev", Refuse, device("d1")),
		verdict("vip", Allow, account("acc_vip")),
		verdict("slow", Throttle, account("acc_slow")), verdict("ask", Challenge, account("acc_soft")),
		verdict("good slow", Allow, session("ses_good")), verdict("slow too", Throttle, session("ses_good")),
		verdict("slow net", Throttle, prefix("203.0.112.0/24")), verdict("ask net", Challenge, prefix("203.0.112.128/25")), verdict("refuse ip", Refuse, ip("203.0.112.200")),
		verdict("both", Refuse, account("acc_2"), prefix("10.1.0.0/16")), verdict("joined", Throttle, account("acc_3"), device("d3")),
		verdict("banana", "banana", account("acc_b")), verdict("banana ip", "banana", ip("10.9.9.9")),
	)
	for _, c := range []struct {
		name, addr, account, session, device string
		by, action                           string
	}{
		{name: "nobody known", addr: "192.168.1.1"},
		{name: "no subject at all"},
		{name: "address", addr: "203.0.113.7", by: "ip4", action: Refuse},
		{name: "its neighbour", addr: "203.0.113.8"},
		{name: "IPv4 written as IPv6", addr: "::ffff:203.0.113.7", by: "ip4", action: Refuse},
		{name: "IPv6", addr: "2001:db8::7", by: "ip6", action: Refuse},
		{name: "IPv6 with a zone", addr: "2001:db8::7%eth0", by: "ip6", action: Refuse},
		{name: "prefix", addr: "198.51.100.1", by: "net4", action: Refuse},
		{name: "IPv6 prefix", addr: "2001:db8:5::1:2:3", by: "net6", action: Refuse},
		{name: "prefix of mapped addresses", addr: "100.64.1.1", by: "mapped", action: Refuse},
		{name: "allowed address in a refused prefix", addr: "198.51.100.9", by: "good4", action: Allow},
		{name: "refused prefix in an allowed one", addr: "192.0.2.1", by: "wide", action: Allow},
		{name: "account", addr: "10.0.0.1", account: "acc_1", by: "acc", action: Refuse},
		{name: "session", account: "acc_9", session: "ses_1", by: "ses", action: Refuse},
		{name: "device", device: "d1", by: "dev", action: Refuse},
		{name: "an id of another kind", account: "ses_1", session: "acc_1"},
		{name: "an action that isn't known", account: "acc_b", addr: "10.9.9.9"},

		// AG D1: an allowance answers only what it names.
		{name: "refused session from an allowed address", addr: "198.51.100.9", session: "ses_1", by: "ses", action: Refuse},
		{name: "refused account from an allowed address", addr: "198.51.100.9", account: "acc_1", by: "acc", action: Refuse},
		{name: "refused device from an allowed address", addr: "198.51.100.9", device: "d1", by: "dev", action: Refuse},
		{name: "throttled account from an allowed address", addr: "198.51.100.9", account: "acc_slow", by: "slow", action: Throttle},
		{name: "allowed account from a refused address", addr: "203.0.113.7", account: "acc_vip", by: "ip4", action: Refuse},
		{name: "allowed account with a refused session", account: "acc_vip", session: "ses_1", by: "ses", action: Refuse},
		{name: "allowed account", account: "acc_vip", by: "vip", action: Allow},
		{name: "allowed session against its throttle", session: "ses_good", by: "good slow", action: Allow},
		{name: "allowed session of a throttled account", account: "acc_slow", session: "ses_good", by: "slow", action: Throttle},

		// The strongest of the rest.
		{name: "throttle", account: "acc_slow", by: "slow", action: Throttle},
		{name: "challenge", account: "acc_soft", by: "ask", action: Challenge},
		{name: "a wider throttle beats a narrower challenge", addr: "203.0.112.129", by: "slow net", action: Throttle},
		{name: "an address's refusal beats both", addr: "203.0.112.200", by: "refuse ip", action: Refuse},
		{name: "a network's throttle beats an account's challenge", addr: "203.0.112.1", account: "acc_soft", by: "slow net", action: Throttle},
		{name: "an account's throttle stays beside a network's challenge", addr: "203.0.112.130", account: "acc_slow", by: "slow", action: Throttle},

		// Joined subjects: both must be there.
		{name: "account and network", addr: "10.1.2.3", account: "acc_2", by: "both", action: Refuse},
		{name: "the account elsewhere", addr: "10.2.2.3", account: "acc_2"},
		{name: "the account from nowhere", account: "acc_2"},
		{name: "another in that network", addr: "10.1.2.3", account: "acc_9"},
		{name: "account and device", account: "acc_3", device: "d3", by: "joined", action: Throttle},
		{name: "the device alone", device: "d3"},
		{name: "the account alone", account: "acc_3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := s.Check(client(c.addr, c.account, c.session, c.device), noon)
			if by(d) != c.by || d.Action != c.action || d.Passes() != (c.action == "" || c.action == Allow) {
				t.Errorf("%q by %q; want %q by %q", d.Action, by(d), c.action, c.by)
			}
		})
	}
}

// R2.3: a verdict has an end, to the millisecond, of each kind of subject.
func TestCheckExpiry(t *testing.T) {
	for _, subject := range []Subject{ip("203.0.113.7"), prefix("203.0.113.0/24"), account("acc_1"), session("ses_1"), device("d1")} {
		s := NewSet()
		v := verdict("a", Refuse, subject)
		change(t, s, nil, v)
		c := client("203.0.113.7", "acc_1", "ses_1", "d1")
		for _, at := range []struct {
			at   time.Duration
			want bool
		}{{-time.Millisecond, true}, {0, false}, {time.Millisecond, false}} {
			if d := s.Check(c, v.Until.Add(at.at)); d.Passes() == at.want {
				t.Errorf("%s, %v after the end: %+v", subject, at.at, d)
			}
		}
		if n := s.Sweep(v.Until.Add(-time.Millisecond)); n != 0 || s.Len() != 1 {
			t.Errorf("swept %d before the end", n)
		}
		if n := s.Sweep(v.Until); n != 1 || s.Len() != 0 {
			t.Errorf("swept %d at the end, %d left", n, s.Len())
		}
	}
}

// An ended verdict that isn't swept yet hides none that is in force.
func TestEndedVerdictHidesNothing(t *testing.T) {
	s := NewSet()
	ended := func(id, action string, subject Subject) Verdict {
		v := verdict(id, action, subject)
		v.Until = noon
		return v
	}
	replace(t, s,
		ended("old ip", Refuse, ip("10.0.0.1")), verdict("net", Refuse, prefix("10.0.0.0/24")),
		ended("old allow", Allow, ip("10.0.0.1")), ended("old acc", Refuse, account("a")), verdict("acc", Throttle, account("a")),
		ended("old allowed", Allow, account("a")))
	if d := s.Check(client("10.0.0.1", "", "", ""), noon); by(d) != "net" {
		t.Errorf("by %q", by(d))
	}
	if d := s.Check(client("", "a", "", ""), noon); by(d) != "acc" {
		t.Errorf("by %q", by(d))
	}
}

func TestApplyReportsWhatItCannotRead(t *testing.T) {
	s := NewSet()
	err := s.Apply([]Verdict{
		verdict("bad1", Refuse, ip("300.1.1.1")), verdict("bad2", Refuse, prefix("10.0.0.0")),
		verdict("bad3", Refuse, Subject{"planet", "mars"}), verdict("bad4", Refuse, account("")),
		verdict("bad5", Refuse), verdict("bad6", Refuse, ip("10.0.0.1"), prefix("10.0.0.0/8")), verdict("bad7", Refuse, account("a"), account("b")),
		verdict("bad8", Refuse, account("a"), session("b"), device("c")),
		verdict("good", Refuse, ip("10.0.0.1")),
	}, nil)
	if err == nil || s.Len() != 1 {
		t.Fatalf("Apply = %v, %d held", err, s.Len())
	}
	if d := s.Check(client("10.0.0.1", "", "", ""), noon); d.Action != Refuse {
		t.Error("the good one doesn't count")
	}
}

// Any sequence of changes gives what a plain list gives, also over the layers' merge.
func TestApplyAgainstAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, model := NewSet(), map[string]Verdict{}
		addrs := []string{"10.0.0.1", "10.0.0.2", "10.0.1.1", "2001:db8::1"}
		subjects := [][]Subject{
			{ip("10.0.0.1")},
			{ip("10.0.0.2")},
			{ip("2001:db8::1")},
			{prefix("10.0.0.0/8")},
			{prefix("10.0.0.0/24")},
			{prefix("0.0.0.0/0")},
			{prefix("2001:db8::/32")},
			{account("a")},
			{account("b")},
			{session("s")},
			{account("a"), prefix("10.0.0.0/24")},
			{account("a"), session("s")},
			{prefix("10.0.0.0/8"), session("s")},
		}
		// A third of the runs begin with enough to be in the base layer, and to be merged again.
		if rapid.IntRange(0, 2).Draw(t, "many") == 0 {
			var many []Verdict
			for i := range settleAt + 5 {
				v := verdict(fmt.Sprint("many", i), Refuse, device(fmt.Sprint(i)))
				many = append(many, v)
				model[v.ID] = v
			}
			if err := s.Apply(many, nil); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			fresh := rapid.IntRange(0, 9).Draw(t, "snapshot") == 0
			if fresh {
				model = map[string]Verdict{}
			}
			var removed []string
			for range rapid.IntRange(0, 3).Draw(t, "removed") {
				id := fmt.Sprint(rapid.IntRange(0, 12).Draw(t, "id"))
				removed = append(removed, id)
				delete(model, id)
			}
			var changed []Verdict
			for range rapid.IntRange(0, 4).Draw(t, "added") {
				v := verdict(fmt.Sprint(rapid.IntRange(0, 12).Draw(t, "id")), rapid.SampledFrom([]string{Refuse, Allow, Throttle, Challenge}).Draw(t, "do"), rapid.SampledFrom(subjects).Draw(t, "subjects")...)
				changed = append(changed, v)
				model[v.ID] = v
			}
			err := s.Apply(changed, removed)
			if fresh {
				var all []Verdict
				for _, v := range model {
					all = append(all, v)
				}
				err = s.Replace(all)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range addrs {
				for _, account := range []string{"", "a", "b"} {
					for _, session := range []string{"", "s"} {
						c := client(a, account, session, "")
						if got := s.Check(c, noon).Action; got != expected(model, c) {
							t.Fatalf("%s %q %q: %q, want %q of %v", a, account, session, got, expected(model, c), model)
						}
					}
				}
			}
			if s.Len() != len(model) || len(s.Snapshot()) != len(model) {
				t.Fatalf("%d held, want %d", s.Len(), len(model))
			}
		}
	})
}

// expected says in the page's words what the set must answer.
func expected(model map[string]Verdict, c Client) string {
	addressAllowed, identityAllowed := false, map[string]bool{}
	var identity, address []Verdict
	for _, v := range model {
		kind, hit := "", true
		for _, s := range v.Subjects {
			switch s.Kind {
			case KindIP:
				hit = hit && s.Value == c.Addr.String()
			case KindPrefix:
				hit = hit && netip.MustParsePrefix(s.Value).Contains(c.Addr)
			case KindAccount:
				hit, kind = hit && s.Value == c.Account, KindAccount
			case KindSession:
				if hit = hit && s.Value == c.Session; kind == "" {
					kind = KindSession
				}
			case KindDevice:
				hit, kind = false, KindDevice
			}
		}
		switch {
		case !hit:
		case kind == "" && v.Action == Allow:
			addressAllowed = true
		case kind == "":
			address = append(address, v)
		case v.Action == Allow:
			identityAllowed[kind] = true
		case v.Action == Refuse:
			return Refuse
		default:
			v.Source = kind
			identity = append(identity, v)
		}
	}
	best := ""
	take := func(action string) {
		if strength(action) > strength(best) {
			best = action
		}
	}
	for _, v := range identity {
		if !identityAllowed[v.Source] {
			take(v.Action)
		}
	}
	if !addressAllowed {
		for _, v := range address {
			take(v.Action)
		}
	}
	if best == "" && (addressAllowed || len(identityAllowed) > 0) {
		return Allow
	}
	return best
}

// MU V05, V08: a verdict that is lifted stays lifted, from the base layer and over the next merge.
func TestLiftedStaysLifted(t *testing.T) {
	s := NewSet()
	var many []Verdict
	for i := range 3 * settleAt {
		many = append(many, verdict(fmt.Sprint(i), Refuse, account(fmt.Sprint(i))))
	}
	replace(t, s, many...)
	change(t, s, []string{"7"})
	gone := func() bool { return s.Check(client("", "7", "", ""), noon).Passes() }
	if !gone() {
		t.Fatal("lifted, and refused")
	}
	for i := range 2 * settleAt {
		change(t, s, nil, verdict(fmt.Sprint("new", i), Refuse, account(fmt.Sprint("new", i))))
		if !gone() {
			t.Fatalf("it came back after %d changes", i+1)
		}
	}
}

// Readers never wait for, nor see half of, a change; the layers merge meanwhile.
func TestCheckDuringApply(t *testing.T) {
	s := NewSet()
	replace(t, s, verdict("stay", Refuse, account("stay")))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if s.Check(Client{Account: "stay"}, noon).Passes() {
					t.Error("a verdict was gone for a moment")
					return
				}
			}
		})
	}
	for i := range 2*settleAt + 10 {
		change(t, s, []string{fmt.Sprint(i - 10)}, verdict(fmt.Sprint(i), Refuse, session(fmt.Sprint(i))))
	}
	close(stop)
	readers.Wait()
	if s.Len() != 11 {
		t.Errorf("%d held, want 11", s.Len())
	}
}
