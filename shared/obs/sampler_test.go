package obs_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/obs"
	"centinela/shared/testkit"
)

// TestSampler holds "log lines of refused traffic are sampled and summed" (gateway.md; AG D10): the first of a kind and
// source at once, then a line a minute with the count, and nothing when it is over.
func TestSampler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out testkit.Buffer
		s := obs.NewSampler(obs.NewLogger(&out, "x", "info", obs.FormatJSON))
		admitted := 0
		note := func(kind, source, detail string) {
			if s.Admit(kind, source, detail) {
				admitted++
			}
		}
		minute := func() (lines string) {
			before := len(out.String())
			time.Sleep(time.Minute)
			synctest.Wait()
			return out.String()[before:]
		}
		for i := range 2000 {
			note("403", "203.0.113.5", fmt.Sprint("/", i%7))
			note("404", "203.0.113.5", "")
		}
		note("404", "203.0.113.6", "")
		if admitted != 3 {
			t.Errorf("%d lines at once, want one of each kind and source", admitted)
		}
		got := minute()
		if strings.Count(got, "\n") != 2 || strings.Count(got, `"count":1999`) != 2 || !strings.Contains(got, `"examples":["/1","/2","/3","/4"]`) {
			t.Errorf("after a minute: %s", got)
		}
		note("403", "203.0.113.5", "")
		if got := minute(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"count":1}`) {
			t.Errorf("after another minute: %s", got)
		}
		if got := minute() + minute(); got != "" {
			t.Errorf("in quiet minutes: %s", got)
		}
		note("403", "203.0.113.5", "")
		if admitted != 4 {
			t.Error("what was quiet isn't told at once when it begins again")
		}
	})
}

// TestSamplerIsBounded: a flood from everywhere costs neither memory nor disk, and hides no other kind.
func TestSamplerIsBounded(t *testing.T) {
	var out bytes.Buffer
	s := obs.NewSampler(obs.NewLogger(&out, "x", "info", obs.FormatJSON))
	admitted := 0
	for i := range 100_000 {
		if s.Admit("401", fmt.Sprint(i), fmt.Sprint(i)) {
			admitted++
		}
	}
	if admitted > 4097 {
		t.Errorf("%d lines", admitted)
	}
	if !s.Admit("500", "somebody", "") || s.Admit("500", "somebody else", "") {
		t.Error("another kind isn't told once")
	}
}
