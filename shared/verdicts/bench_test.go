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
		v := verdict(fmt.Sprintf("vrd_%024d", i), KindIP, netip.AddrFrom4([4]byte{byte(11 + i>>20), byte(i >> 12), byte(i >> 4), byte(i << 4)}).String(), Refuse)
		switch i % 4 {
		case 1:
			v.Kind, v.Subject = KindPrefix, v.Subject+"/28"
		case 2:
			v.Kind, v.Subject = KindAccount, fmt.Sprintf("acc_%024d", i)
		case 3:
			v.Kind, v.Subject = KindSession, fmt.Sprintf("ses_%024d", i)
		}
		all[i] = v
	}
	return all
}

// The design's bound: 250 ns and no allocation with a million verdicts (audit, "The firewall").
func BenchmarkCheckMillion(b *testing.B) {
	s := NewSet()
	all := million(1_000_000)
	if err := s.Apply(Delta{Version: 1, Snapshot: true, Verdicts: all}); err != nil {
		b.Fatal(err)
	}
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
				s.Check(c.addr, c.account, "ses_nobody", c.device, noon)
			}
		})
	}
	b.Run("apply_one", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if err := s.Apply(Delta{Version: 2, Verdicts: []Verdict{verdict("new", KindIP, "9.9.9.9", Refuse), verdict("new2", KindAccount, fmt.Sprint(i), Refuse)}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Fails when a lookup starts to allocate, at any size.
func TestCheckDoesNotAllocate(t *testing.T) {
	s := NewSet()
	apply(t, s, Delta{Snapshot: true, Verdicts: million(4000)})
	hit, miss := netip.MustParseAddr("11.0.0.17"), netip.MustParseAddr("8.8.8.8")
	if n := testing.AllocsPerRun(100, func() {
		s.Check(hit, "acc_1", "ses_1", "d1", noon)
		s.Check(miss, "acc_000000000000000000000002", "ses_1", "d1", noon)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
