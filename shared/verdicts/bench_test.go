package verdicts

import (
	"fmt"
	"net/netip"
	"testing"
)

// million is half prefixes and addresses, half accounts, sessions and devices.
func million(n int) []Verdict {
	all := make([]Verdict, n)
	for i := range all {
		addr := netip.AddrFrom4([4]byte{byte(11 + i>>20), byte(i >> 12), byte(i >> 4), byte(i << 4)}).String()
		subject := []Subject{ip(addr), prefix(addr + "/28"), account(fmt.Sprintf("acc_%024d", i)), session(fmt.Sprintf("ses_%024d", i))}[i%4]
		all[i] = verdict(fmt.Sprintf("vrd_%024d", i), []string{Refuse, Throttle, Refuse, Challenge}[i%4], subject)
	}
	return all
}

// The design's bound: 250 ns and no allocation with a million verdicts (audit, "The firewall").
func BenchmarkCheckMillion(b *testing.B) {
	s := NewSet()
	all := million(1_000_000)
	replace(b, s, all...)
	for _, c := range []struct {
		name            string
		addr            netip.Addr
		account, device string
	}{
		{"nobody", netip.MustParseAddr("8.8.8.8"), "acc_nobody", "00ff"},
		{"prefix", netip.MustParseAddr("11.0.0.17"), "acc_nobody", "00ff"},
		{"account", netip.MustParseAddr("8.8.8.8"), "acc_000000000000000000500002", "00ff"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Check(Client{Addr: c.addr, Account: c.account, Session: "ses_nobody", Device: c.device}, noon)
			}
		})
	}
	b.Run("apply_one", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			change(b, s, nil, verdict("new", Refuse, ip("9.9.9.9")), verdict("new2", Refuse, account(fmt.Sprint(i))))
		}
	})
}

// Fails when a lookup starts to allocate, at any size.
func TestCheckDoesNotAllocate(t *testing.T) {
	s := NewSet()
	replace(t, s, million(4000)...)
	hit, miss := netip.MustParseAddr("11.0.0.17"), netip.MustParseAddr("8.8.8.8")
	if n := testing.AllocsPerRun(100, func() {
		s.Check(Client{hit, "acc_1", "ses_1", "d1"}, noon)
		s.Check(Client{miss, "acc_000000000000000000000002", "ses_1", "d1"}, noon)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
