package engine

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func genNumber(t *rapid.T, i int) Number {
	label := func(s string) string { return fmt.Sprintf("%s%d", s, i) }
	n := Number{
		ID:       fmt.Sprintf("n%d", i),
		AddedAt:  now.Add(-time.Duration(rapid.IntRange(0, 1500).Draw(t, label("added"))) * day),
		First:    rapid.Bool().Draw(t, label("first")),
		Cautious: rapid.Bool().Draw(t, label("cautious")),
	}
	for _, ago := range rapid.SliceOfN(rapid.IntRange(0, 1500), 0, 4).Draw(t, label("proofs")) {
		n.Proofs = append(n.Proofs, now.Add(-time.Duration(ago)*day))
	}
	if rapid.Bool().Draw(t, label("retiring")) {
		n.RetiringUntil = now.Add(time.Duration(rapid.IntRange(-10, 30).Draw(t, label("until"))) * day)
	}
	return n
}

func genFacts(t *rapid.T) Facts {
	f := Facts{
		DeviceKnown:   rapid.SampledFrom([]Known{Unknown, No, Yes}).Draw(t, "device"),
		PlaceFamiliar: rapid.SampledFrom([]Known{Unknown, No, Yes}).Draw(t, "place"),
		SecurityChange: Change{
			Known: rapid.Bool().Draw(t, "change known"),
			At:    now.Add(-time.Duration(rapid.IntRange(0, 60).Draw(t, "change")) * day),
		},
	}
	for i := range rapid.IntRange(0, 5).Draw(t, "numbers") {
		f.Numbers = append(f.Numbers, genNumber(t, i))
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "evidence") {
		f.Evidence = append(f.Evidence, genEvidence(t, i))
	}
	if rapid.Bool().Draw(t, "announced") {
		f.AnnouncedAt = now.Add(-time.Duration(rapid.IntRange(0, 200).Draw(t, "announced at")) * time.Hour)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "objections") {
		f.Objections = append(f.Objections, genObjection(t, i))
	}
	return f
}

func genObjection(t *rapid.T, i int) Objection {
	label := func(s string) string { return fmt.Sprintf("objection %s%d", s, i) }
	return Objection{
		Flow:   rapid.SampledFrom([]string{"", "another"}).Draw(t, label("flow")),
		Number: fmt.Sprintf("n%d", rapid.IntRange(0, 5).Draw(t, label("number"))),
		At:     now.Add(-time.Duration(rapid.IntRange(0, 100).Draw(t, label("ago"))) * day),
		Effect: rapid.SampledFrom([]Effect{AsksMore, Lengthens, Noted}).Draw(t, label("effect")),
	}
}

func genEvidence(t *rapid.T, i int) Evidence {
	n := rapid.IntRange(-1, 5).Draw(t, fmt.Sprintf("evidence%d", i))
	if n < 0 {
		return saved
	}
	return sms(fmt.Sprintf("n%d", n))
}

// end is when d allows something; a far day when nothing does.
func end(d Decision) time.Time {
	if d.EarliestAt.IsZero() {
		return now.Add(1e5 * time.Hour)
	}
	return d.EarliestAt
}

func check(t *testing.T, property func(t *rapid.T, p Policy, f Facts)) {
	p := shipped(t)
	rapid.Check(t, func(t *rapid.T) { property(t, p, genFacts(t)) })
}

// V1: a number added now takes nothing from older ones, for them nor from the
// wait of somebody else, before its window ends.
func TestV1NewNumberTakesNothing(t *testing.T) {
	check(t, func(t *rapid.T, p Policy, f Facts) {
		with := f
		with.Numbers = append(slices.Clone(f.Numbers), Number{ID: "new", AddedAt: now, Proofs: []time.Time{now}})
		at := now.Add(time.Duration(rapid.IntRange(0, 7*24-1).Draw(t, "later")) * time.Hour)
		if a, b := Decide(p, f, at), Decide(p, with, at); !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v became %+v", a, b)
		}
		for _, n := range f.Numbers {
			if a, b := p.Powers(f.Numbers, n.ID, at), p.Powers(with.Numbers, n.ID, at); !slices.Equal(a, b) {
				t.Fatalf("powers of %s: %v became %v", n.ID, a, b)
			}
		}
	})
}

// V1, R6.1: whoever has the password and a number of his own proves it as often as
// he likes: it doesn't get ahead of a number that was proved before it and was
// not silent for more than 400 days.
func TestV1NobodyProvesHimselfOlder(t *testing.T) {
	p := shipped(t)
	rapid.Check(t, func(t *rapid.T) {
		owner := Number{ID: "owner", First: true}
		for at := now.Add(-time.Duration(rapid.IntRange(1, 1500).Draw(t, "first")) * day); !at.After(now); {
			owner.Proofs = append(owner.Proofs, at)
			at = at.Add(time.Duration(rapid.IntRange(1, 400).Draw(t, "gap")) * day)
		}
		age := now.Sub(owner.Proofs[0])
		thief := Number{ID: "a-thief", Proofs: []time.Time{now.Add(-time.Duration(rapid.Int64Range(0, int64(age)-1).Draw(t, "added")))}}
		for range rapid.IntRange(0, 5).Draw(t, "proofs") {
			thief.Proofs = append(thief.Proofs, thief.Proofs[0].Add(time.Duration(rapid.Int64Range(0, int64(now.Sub(thief.Proofs[0]))).Draw(t, "again"))))
		}
		if ranked := p.Ranked([]Number{thief, owner}, now); ranked[0].ID != "owner" {
			t.Fatalf("owner %v, thief %v", owner.Proofs, thief.Proofs)
		}
	})
}

// V2, V3: without two channels nothing is allowed at once; one channel more than
// once is one channel.
func TestV3OneChannelIsNeverEnoughAtOnce(t *testing.T) {
	check(t, func(t *rapid.T, p Policy, f Facts) {
		f.AnnouncedAt = time.Time{}
		d := Decide(p, f, now)
		if len(d.Evidence) < 2 && d.Verdict == Allow {
			t.Fatalf("allowed by %v", d.Evidence)
		}
		texts := slices.DeleteFunc(slices.Clone(f.Evidence), func(e Evidence) bool { return e.Method != SMS })
		f.Evidence = texts
		if d := Decide(p, f, now); len(d.Evidence) > 1 || d.Verdict == Allow {
			t.Fatalf("texts alone: %+v", d)
		}
	})
}

// V4: evidence by a number in quarantine counts for nothing.
func TestV4QuarantineGivesNoPower(t *testing.T) {
	check(t, func(t *rapid.T, p Policy, f Facts) {
		without := f
		without.Evidence = slices.DeleteFunc(slices.Clone(f.Evidence), func(e Evidence) bool {
			return e.Method == SMS && !slices.ContainsFunc(p.Ranked(f.Numbers, now), func(n Number) bool { return n.ID == e.Number })
		})
		if a, b := Decide(p, f, now), Decide(p, without, now); a.Verdict != b.Verdict || a.EarliestAt != b.EarliestAt {
			t.Fatalf("%+v, without the powerless %+v", a, b)
		}
	})
}

// V5: asking for a removal changes no decision before its window ends.
func TestV5RetiringKeepsPower(t *testing.T) {
	check(t, func(t *rapid.T, p Policy, f Facts) {
		if len(f.Numbers) == 0 {
			return
		}
		for i := range f.Numbers {
			f.Numbers[i].RetiringUntil = time.Time{}
		}
		asked := f
		asked.Numbers = slices.Clone(f.Numbers)
		i := rapid.IntRange(0, len(f.Numbers)-1).Draw(t, "retired")
		window := p.RetireWindow(f.Numbers, f.Numbers[i].ID, now)
		asked.Numbers[i].RetiringUntil = now.Add(window)
		at := now.Add(time.Duration(rapid.Int64Range(0, int64(window)-1).Draw(t, "later")))
		if a, b := Decide(p, f, at), Decide(p, asked, at); !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v became %+v", a, b)
		}
	})
}

// V6: the silence of a livelier senior never shortens the wait.
func TestV6SilenceOfLiveSeniors(t *testing.T) {
	p := shipped(t)
	rapid.Check(t, func(t *rapid.T) {
		ages := rapid.SliceOfN(rapid.IntRange(0, 900), 2, 2).Draw(t, "last proofs")
		slices.Sort(ages)
		evidence := []Evidence{sms("y")}
		if rapid.Bool().Draw(t, "second") {
			evidence = append(evidence, saved)
		}
		at := func(age int) time.Time {
			older := aged("o", 390*day, time.Duration(age)*day)
			return end(Decide(p, Facts{Numbers: []Number{older, aged("y", 100*day, day)}, Evidence: evidence}, now))
		}
		if at(ages[0]).Before(at(ages[1])) {
			t.Fatalf("silent for %d days waits less than for %d", ages[0], ages[1])
		}
	})
}

// V14: where a number is presented, place and device change waits, never whether
// evidence is enough. Without one a known device is a way of its own.
func TestV14PlaceChangesWaitsOnly(t *testing.T) {
	check(t, func(t *rapid.T, p Policy, f Facts) {
		other := f
		other.DeviceKnown = rapid.SampledFrom([]Known{Unknown, No, Yes}).Draw(t, "other device")
		other.PlaceFamiliar = rapid.SampledFrom([]Known{Unknown, No, Yes}).Draw(t, "other place")
		if a := Decide(p, f, now); !slices.Contains(a.Evidence, SMS) || a.Verdict == Refuse {
			return
		}
		f.Evidence = slices.DeleteFunc(slices.Clone(f.Evidence), func(e Evidence) bool { return e.Method != SMS })
		other.Evidence = f.Evidence
		a, b := Decide(p, f, now), Decide(p, other, now)
		if a.EarliestAt.IsZero() != b.EarliestAt.IsZero() || !slices.Equal(a.Evidence, b.Evidence) {
			t.Fatalf("%+v against %+v", a, b)
		}
	})
}

// V18: same input, same output, and the input is left as it was.
func TestV18Pure(t *testing.T) {
	check(t, func(t *rapid.T, p Policy, f Facts) {
		before := fmt.Sprintf("%+v", f)
		if a, b := Decide(p, f, now), Decide(p, f, now); !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v against %+v", a, b)
		}
		if fmt.Sprintf("%+v", f) != before {
			t.Fatal("the facts were changed")
		}
		// Total: an empty policy refuses, it doesn't fail.
		if d := Decide(Policy{}, f, now); d.Verdict != NeedEvidence && d.Verdict != Refuse {
			t.Fatalf("an empty policy gives %s", d.Verdict)
		}
	})
}

// V19: every decision names rules and the policy, and a counterfactual holds
// what it says.
func TestV19Explained(t *testing.T) {
	check(t, func(t *rapid.T, p Policy, f Facts) {
		d := Decide(p, f, now)
		if len(d.Rules) == 0 || d.PolicyHash != p.Hash() {
			t.Fatalf("not explained: %+v", d)
		}
		for _, c := range d.Counterfactuals {
			with := f
			e := saved
			if c.Evidence == WithOldest {
				e = sms(p.Ranked(f.Numbers, now)[0].ID)
			}
			with.Evidence = append(slices.Clone(f.Evidence), e)
			then := Decide(p, with, now)
			if then.EarliestAt.IsZero() || (!c.Opens && d.EarliestAt.Sub(then.EarliestAt) != c.Saves) {
				t.Fatalf("%+v is not true: %+v then %+v", c, d, then)
			}
		}
	})
}

// V20: not knowing is never better than knowing the worst.
func TestV20UnknownNeverGrants(t *testing.T) {
	check(t, func(t *rapid.T, p Policy, f Facts) {
		out := f
		out.DeviceKnown, out.PlaceFamiliar, out.SecurityChange = Unknown, Unknown, Change{}
		worst := f
		worst.DeviceKnown, worst.PlaceFamiliar, worst.SecurityChange = No, No, Change{Known: true, At: now}
		if end(Decide(p, out, now)) != end(Decide(p, worst, now)) {
			t.Fatal("an outage differs from the worst answer")
		}
		if end(Decide(p, out, now)).Before(end(Decide(p, f, now))) {
			t.Fatal("an outage shortens the wait")
		}
	})
}

// More evidence never lengthens the wait.
func TestMonotonic(t *testing.T) {
	check(t, func(t *rapid.T, p Policy, f Facts) {
		more := f
		more.Evidence = append(slices.Clone(f.Evidence), genEvidence(t, 9))
		if a, b := Decide(p, f, now), Decide(p, more, now); end(b).After(end(a)) {
			t.Fatalf("%+v became %+v", a, b)
		}
	})
}

// FuzzParse: whatever the file holds, Parse returns.
func FuzzParse(f *testing.F) {
	f.Add(defaultYAML)
	f.Add([]byte("version: 2\nrows: [{name: W-x, when: {lead: [oldest, younger], told: no}, then: refuse}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := Parse(text); err == nil && p.Hash() == "" {
			t.Fatal("a policy without a hash")
		}
	})
}
