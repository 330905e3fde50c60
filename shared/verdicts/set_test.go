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

func verdict(id, kind, subject, action string) Verdict {
	return Verdict{ID: id, Kind: kind, Subject: subject, Action: action, Until: noon.Add(time.Minute)}
}

func apply(t testing.TB, s *Set, d Delta) {
	t.Helper()
	if err := s.Apply(d); err != nil {
		t.Fatal(err)
	}
}

// R2.3, R5.4: who is refused, by which subject, and that the allow-list wins.
func TestCheck(t *testing.T) {
	s := NewSet()
	apply(t, s, Delta{Version: 1, Snapshot: true, Verdicts: []Verdict{
		verdict("ip4", KindIP, "203.0.113.7", Refuse),
		verdict("ip6", KindIP, "2001:db8::7", Refuse),
		verdict("net4", KindPrefix, "198.51.100.0/24", Refuse),
		verdict("net6", KindPrefix, "2001:db8:5::/64", Refuse),
		verdict("good4", KindIP, "198.51.100.9", Allow),
		verdict("wide", KindPrefix, "192.0.0.0/16", Allow),
		verdict("narrow", KindPrefix, "192.0.2.0/24", Refuse),
		verdict("mapped", KindPrefix, "::ffff:100.64.0.0/106", Refuse),
		verdict("acc", KindAccount, "acc_1", Refuse),
		verdict("ses", KindSession, "ses_1", Refuse),
		verdict("dev", KindDevice, "d1", Refuse),
		verdict("vip", KindAccount, "acc_vip", Allow),
		verdict("later", KindAccount, "acc_soft", "challenge"),
	}})
	for _, c := range []struct {
		name, addr, account, session, device string
		by                                   string
		refused                              bool
	}{
		{name: "nobody known", addr: "192.168.1.1"},
		{name: "no subject at all"},
		{name: "address", addr: "203.0.113.7", by: "ip4", refused: true},
		{name: "its neighbour", addr: "203.0.113.8"},
		{name: "IPv4 written as IPv6", addr: "::ffff:203.0.113.7", by: "ip4", refused: true},
		{name: "IPv6", addr: "2001:db8::7", by: "ip6", refused: true},
		{name: "IPv6 with a zone", addr: "2001:db8::7%eth0", by: "ip6", refused: true},
		{name: "prefix", addr: "198.51.100.1", by: "net4", refused: true},
		{name: "IPv6 prefix", addr: "2001:db8:5::1:2:3", by: "net6", refused: true},
		{name: "prefix of mapped addresses", addr: "100.64.1.1", by: "mapped", refused: true},
		{name: "allowed address in a refused prefix", addr: "198.51.100.9", by: "good4"},
		{name: "refused prefix in an allowed one", addr: "192.0.2.1", by: "wide"},
		{name: "account", addr: "10.0.0.1", account: "acc_1", by: "acc", refused: true},
		{name: "session", account: "acc_2", session: "ses_1", by: "ses", refused: true},
		{name: "device", device: "d1", by: "dev", refused: true},
		{name: "allowed account from a refused address", addr: "203.0.113.7", account: "acc_vip", by: "vip"},
		{name: "refused session from an allowed address", addr: "198.51.100.9", session: "ses_1", by: "good4"},
		{name: "an id of another kind", account: "ses_1", session: "acc_1"},
		{name: "an action that isn't for us", account: "acc_soft"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var addr netip.Addr
			if c.addr != "" {
				addr = netip.MustParseAddr(c.addr)
			}
			v, refused := s.Check(addr, c.account, c.session, c.device, noon)
			if v.ID != c.by || refused != c.refused {
				t.Errorf("Check = %q, %v; want %q, %v", v.ID, refused, c.by, c.refused)
			}
		})
	}
}

// R2.3: a verdict has an end, to the millisecond.
func TestCheckExpiry(t *testing.T) {
	s := NewSet()
	v := verdict("a", KindIP, "203.0.113.7", Refuse)
	apply(t, s, Delta{Verdicts: []Verdict{v}})
	for _, c := range []struct {
		at   time.Duration
		want bool
	}{{-time.Millisecond, true}, {0, false}, {time.Millisecond, false}} {
		if _, refused := s.Check(netip.MustParseAddr("203.0.113.7"), "", "", "", v.Until.Add(c.at)); refused != c.want {
			t.Errorf("%v after the end: refused = %v", c.at, refused)
		}
	}
	if n := s.Sweep(v.Until.Add(-time.Millisecond)); n != 0 || s.Len() != 1 {
		t.Errorf("swept %d before the end", n)
	}
	if n := s.Sweep(v.Until); n != 1 || s.Len() != 0 {
		t.Errorf("swept %d at the end, %d left", n, s.Len())
	}
}

func TestApplyReportsWhatItCannotRead(t *testing.T) {
	s := NewSet()
	err := s.Apply(Delta{Verdicts: []Verdict{
		verdict("bad1", KindIP, "300.1.1.1", Refuse), verdict("bad2", KindPrefix, "10.0.0.0", Refuse),
		verdict("bad3", "planet", "mars", Refuse), verdict("bad4", KindAccount, "", Refuse),
		verdict("good", KindIP, "10.0.0.1", Refuse),
	}})
	if err == nil || s.Len() != 1 {
		t.Fatalf("Apply = %v, %d held", err, s.Len())
	}
	if _, refused := s.Check(netip.MustParseAddr("10.0.0.1"), "", "", "", noon); !refused {
		t.Error("the good one doesn't count")
	}
}

// Any sequence of deltas gives what a plain list gives, also over the layers' merge.
func TestApplyAgainstAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, model := NewSet(), map[string]Verdict{}
		addrs := []string{"10.0.0.1", "10.0.0.2", "10.0.1.1", "2001:db8::1"}
		nets := []string{"10.0.0.0/8", "10.0.0.0/24", "0.0.0.0/0", "2001:db8::/32"}
		for range rapid.IntRange(1, 30).Draw(t, "deltas") {
			d := Delta{Snapshot: rapid.IntRange(0, 9).Draw(t, "snapshot") == 0}
			if d.Snapshot {
				model = map[string]Verdict{}
			}
			for range rapid.IntRange(0, 3).Draw(t, "removed") {
				id := fmt.Sprint(rapid.IntRange(0, 12).Draw(t, "id"))
				d.Removed = append(d.Removed, id)
				delete(model, id)
			}
			for range rapid.IntRange(0, 4).Draw(t, "added") {
				v := verdict(fmt.Sprint(rapid.IntRange(0, 12).Draw(t, "id")), KindIP, rapid.SampledFrom(addrs).Draw(t, "a"), rapid.SampledFrom([]string{Refuse, Allow}).Draw(t, "do"))
				switch rapid.IntRange(0, 2).Draw(t, "kind") {
				case 1:
					v.Kind, v.Subject = KindPrefix, rapid.SampledFrom(nets).Draw(t, "n")
				case 2:
					v.Kind, v.Subject = KindAccount, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "acc")
				}
				d.Verdicts = append(d.Verdicts, v)
				model[v.ID] = v
			}
			if err := s.Apply(d); err != nil {
				t.Fatal(err)
			}
			for _, a := range addrs {
				for _, account := range []string{"", "a", "b"} {
					addr := netip.MustParseAddr(a)
					if _, got := s.Check(addr, account, "", "", noon); got != expected(model, addr, account) {
						t.Fatalf("%s %q: refused = %v, held %v", a, account, got, model)
					}
				}
			}
			if s.Len() != len(model) || len(s.Snapshot()) != len(model) {
				t.Fatalf("%d held, want %d", s.Len(), len(model))
			}
		}
	})
}

func expected(model map[string]Verdict, addr netip.Addr, account string) bool {
	refused := false
	for _, v := range model {
		hit := v.Kind == KindAccount && v.Subject == account && account != ""
		if v.Kind == KindIP {
			hit = v.Subject == addr.String()
		}
		if v.Kind == KindPrefix {
			hit = netip.MustParsePrefix(v.Subject).Contains(addr)
		}
		if hit && v.Action == Allow {
			return false
		}
		refused = refused || hit
	}
	return refused
}

// Readers never wait for, nor see half of, a change; the layers merge meanwhile.
func TestCheckDuringApply(t *testing.T) {
	s := NewSet()
	apply(t, s, Delta{Snapshot: true, Verdicts: []Verdict{verdict("stay", KindAccount, "stay", Refuse)}})
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
				if _, refused := s.Check(netip.Addr{}, "stay", "", "", noon); !refused {
					t.Error("a verdict was gone for a moment")
					return
				}
			}
		})
	}
	for i := range 2*settleAt + 10 {
		apply(t, s, Delta{Verdicts: []Verdict{verdict(fmt.Sprint(i), KindSession, fmt.Sprint(i), Refuse)}, Removed: []string{fmt.Sprint(i - 10)}})
	}
	close(stop)
	readers.Wait()
	if s.Len() != 11 {
		t.Errorf("%d held, want 11", s.Len())
	}
}
