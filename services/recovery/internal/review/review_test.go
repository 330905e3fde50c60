package review_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/review"
	"centinela/services/recovery/internal/store/roomtest"
)

// waiting is a recovery by the oldest number alone, and another that nobody brought evidence to.
func waiting(t *testing.T, store roomtest.Store) (d *roomtest.Desk, one, none string) {
	d = roomtest.Two(t, store, roomtest.Options{})
	d.Must(store.KeepPolicy(t.Context(), d.Policy.Hash(), d.Policy.Text()))
	a := d.Start(roomtest.Name)
	a.BySMS(roomtest.Older)
	return d, a.ID, d.Start(roomtest.Name).ID
}

// V19: every decision says its reasons, in the reader's language, and is decided again.
func TestV19Explain(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d, one, none := waiting(t, store)
		explain := func(id, locale string) string {
			var out bytes.Buffer
			d.Must(review.Explain(t.Context(), store, id, locale, &out))
			return out.String()
		}
		for locale, more := range map[string]string{"en": "a saved code would take away 48 h", "es": "un código guardado quitaría 48 h"} {
			got := explain(one, locale)
			for _, want := range []string{
				one + " of " + roomtest.Owner + ": waiting", "wait until ", "(W-oldest-live-alone) by policy " + d.Policy.Hash()[:12], "evidence: sms",
				"lengthened by: beside", "V2  " + engine.V2.Sentence(locale), more,
			} {
				if !strings.Contains(got, want) {
					t.Errorf("%s: %q is not in\n%s", locale, want, got)
				}
			}
			if strings.Contains(got, "otherwise") || strings.Contains(got, "not kept") {
				t.Errorf("%s", got)
			}
			for _, secret := range []string{roomtest.Older, roomtest.Newer} {
				if strings.Contains(got, secret) {
					t.Error("a number is printed")
				}
			}
		}
		if got := explain(none, "en"); !strings.Contains(got, "nothing was decided") {
			t.Errorf("%s", got)
		}
		if err := review.Explain(t.Context(), store, "rec_nobody", "en", &bytes.Buffer{}); !errors.Is(err, claim.ErrNoFlow) {
			t.Errorf("%v", err)
		}
	})
}

// Another policy on the same facts: what would differ, one by one or all.
func TestReplay(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d, one, _ := waiting(t, store)
		replay := func(id, text string) string {
			p, err := engine.Parse([]byte(text))
			d.Must(err)
			var out bytes.Buffer
			d.Must(review.Replay(t.Context(), store, id, p, &out))
			return out.String()
		}
		if got := replay("", d.Policy.Text()); !strings.HasPrefix(got, "1 decisions of 2 recoveries: 1 the same, 0 sooner, 0 later") {
			t.Errorf("the same policy: %s", got)
		}
		longer := strings.Replace(d.Policy.Text(), "then: 72h", "then: 96h", 1)
		if got := replay(one, longer); !strings.Contains(got, one+" 1: wait until ") || !strings.Contains(got, "1 decisions of 1 recoveries: 0 the same, 0 sooner, 1 later") {
			t.Errorf("a longer one: %s", got)
		}
		shorter := strings.Replace(d.Policy.Text(), "then: 72h", "then: 25h", 1)
		if got := replay("", shorter); !strings.Contains(got, "1 sooner, 0 later") {
			t.Errorf("a shorter one: %s", got)
		}
	})
}

// A decision that was changed by hand is named, and nothing more is said of it.
func TestAlteredDecision(t *testing.T) {
	d, one, _ := waiting(t, roomtest.SQLite(t))
	d.Must(d.Store.UpdateFlow(t.Context(), one, func(f *claim.Flow) (post.Effects, error) {
		f.Decisions[0].Decision = strings.Replace(f.Decisions[0].Decision, "wait", "allow", 1)
		return post.Effects{}, nil
	}))
	var out bytes.Buffer
	if err := review.Explain(t.Context(), d.Store, one, "en", &out); !errors.Is(err, review.ErrAltered) || strings.Contains(out.String(), "allow") {
		t.Errorf("%v: %s", err, out.String())
	}
	if err := review.Replay(t.Context(), d.Store, "", d.Policy, &out); !errors.Is(err, review.ErrAltered) || !strings.Contains(fmt.Sprint(err), one) {
		t.Errorf("%v", err)
	}
}
