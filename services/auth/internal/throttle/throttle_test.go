package throttle_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"centinela/services/auth/internal/password"
	"centinela/services/auth/internal/store/sqlite"
	"centinela/services/auth/internal/throttle"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/limits"
	"centinela/shared/secret"
	"centinela/shared/testkit"
)

type harness struct {
	*throttle.Throttle
	t   *testing.T
	clk *clock.Manual
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "auth.db"))
	testkit.Must(t, err)
	testkit.CloseAfter(t, store)
	clk := clock.NewManual(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC))
	tries, err := throttle.New(store.Counters(), secret.RandomKey(), clk, throttle.Settings{SignUpsHourly: 2, CodesDaily: 3})
	testkit.Must(t, err)
	return &harness{tries, t, clk}
}

// knock tries n times and says how often it was let through.
func (h *harness) knock(n int, way throttle.Way) (passed int) {
	h.t.Helper()
	for range n {
		switch err := h.Take(h.t.Context(), way.Uses()...); {
		case err == nil:
			passed++
		case !errors.Is(err, throttle.ErrTooMany) || fault.From(err).RetryAfter <= 0:
			h.t.Fatal(err)
		}
	}
	return passed
}

var known = throttle.Known{Device: true, Network: true}

// The lanes: what the account knows of who tries decides which counters there are, and which queue for the hash.
func TestLanes(t *testing.T) {
	for name, c := range map[string]struct {
		known throttle.Known
		lane  password.Lane
	}{
		"device":    {throttle.Known{Device: true}, password.Familiar},
		"both":      {known, password.Familiar},
		"network":   {throttle.Known{Network: true}, password.Familiar},
		"anonymous": {throttle.Known{}, password.Stranger},
	} {
		if way := throttle.SignIn("ana", c.known, "d1", "192.0.2.1"); way.Lane != c.lane {
			t.Errorf("%s: lane %d", name, way.Lane)
		}
	}
}

// MU A12: who has an account of his own behind the victim's address can spend what is counted of his known device there,
// and the victim's known device still signs in.
func TestDeviceSourceIsTheAccounts(t *testing.T) {
	h := newHarness(t)
	if passed := h.knock(20, throttle.SignIn("mallory", known, "d1", "192.0.2.1")); passed != 5 {
		t.Errorf("%d tries of one known device", passed)
	}
	if passed := h.knock(20, throttle.SignIn("mallory", known, "d2", "192.0.2.1")); passed != 0 {
		t.Errorf("%d tries of a second device there", passed)
	}
	if passed := h.knock(1, throttle.SignIn("ana", known, "d3", "192.0.2.1")); passed != 1 {
		t.Error("ana's known device is kept out")
	}
}

// MU A14b: tries that are refused for the account's pause cost the source nothing, nor the other way round.
func TestRefusedTriesCostNothing(t *testing.T) {
	h := newHarness(t)
	for i := range 5 {
		h.knock(1, throttle.SignIn("ana", throttle.Known{}, "", fmt.Sprintf("192.0.2.%d", i)))
	}
	if passed := h.knock(50, throttle.SignIn("ana", throttle.Known{}, "", "198.51.100.1")); passed != 0 {
		t.Errorf("%d tries in the pause", passed)
	}
	for i := range 5 {
		if passed := h.knock(1, throttle.SignIn(fmt.Sprintf("name%d", i), throttle.Known{}, "", "198.51.100.1")); passed != 1 {
			t.Fatalf("try %d of the source is refused", i)
		}
	}
	if passed := h.knock(50, throttle.SignIn("eva", throttle.Known{}, "", "198.51.100.1")); passed != 0 {
		t.Errorf("%d tries of a spent source", passed)
	}
	for i := range 5 {
		if passed := h.knock(1, throttle.SignIn("eva", throttle.Known{}, "", fmt.Sprintf("203.0.113.%d", i))); passed != 1 {
			t.Fatalf("try %d at the account is refused", i)
		}
	}
}

// A success clears the account's counter and gives the source its own try back.
func TestSucceededAndUntried(t *testing.T) {
	h := newHarness(t)
	for i := range 20 {
		way := throttle.SignIn("ana", throttle.Known{}, "", "192.0.2.1")
		if passed := h.knock(1, way); passed != 1 {
			t.Fatalf("try %d is refused", i)
		}
		pardons := way.Untried()
		if i%2 == 0 {
			pardons = way.Succeeded()
		}
		if err := h.Forgive(t.Context(), pardons...); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 {
		h.knock(1, throttle.SignIn(fmt.Sprintf("name%d", i), throttle.Known{}, "", "192.0.2.1"))
	}
	way := throttle.SignIn("ana", throttle.Known{}, "", "192.0.2.1")
	h.knock(1, way)
	if err := h.Forgive(t.Context(), way.Succeeded()...); err != nil {
		t.Fatal(err)
	}
	h.knock(1, throttle.SignIn("name5", throttle.Known{}, "", "192.0.2.1"))
	if passed := h.knock(1, throttle.SignIn("eva", throttle.Known{}, "", "192.0.2.1")); passed != 0 {
		t.Error("a success wiped what the source did to others")
	}
}

// The pause is 1, 2, 4 … 60 s after the 5th, 6th, 7th … failure, to the millisecond, and a window's end forgets it.
func TestPauses(t *testing.T) {
	h := newHarness(t)
	way := throttle.SignIn("ana", known, "d1", "192.0.2.1")
	h.knock(5, way)
	for _, seconds := range []int{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		wait := time.Duration(seconds) * time.Second
		if err := h.Take(t.Context(), way.Uses()...); fault.From(err).RetryAfter != wait {
			t.Errorf("%v, want %s", err, wait)
		}
		h.clk.Advance(wait - time.Millisecond)
		if h.knock(1, way) != 0 {
			t.Errorf("1 ms before %s: passed", wait)
		}
		h.clk.Advance(time.Millisecond)
		if h.knock(1, way) != 1 {
			t.Errorf("after %s: refused", wait)
		}
	}
	h.clk.Advance(time.Hour)
	if passed := h.knock(9, way); passed != 5 {
		t.Errorf("%d tries in a new window", passed)
	}
}

func TestCounted(t *testing.T) {
	h := newHarness(t)
	for name, c := range map[string]struct {
		use   limits.Use
		first int // that pass
	}{
		"sign-up":                {throttle.SignUp("2001:db8::1"), 2},
		"sign-up of another /64": {throttle.SignUp("2001:db8:0:1::1"), 2},
		"saved codes":            {throttle.SavedCode("acc_1"), 3},
		"saved codes of another": {throttle.SavedCode("acc_2"), 3},
		"current password":       {throttle.CurrentPassword("acc_1"), 5},
	} {
		for i := range 9 {
			if err := h.Take(t.Context(), c.use); (err == nil) != (i < c.first) {
				t.Errorf("%s, try %d of %d: %v", name, i+1, c.first, err)
			}
		}
	}
	if err := h.Take(t.Context(), throttle.SignUp("2001:db8::2")); !errors.Is(err, throttle.ErrTooMany) {
		t.Errorf("sign-up of the same /64: %v", err)
	}
	h.clk.Advance(24*time.Hour + time.Millisecond)
	for _, want := range []int{3, 2, 0} {
		if n, err := h.Prune(t.Context(), 3); err != nil || n != want {
			t.Errorf("pruned %d, want %d, %v", n, want, err)
		}
	}
}

func TestSources(t *testing.T) {
	for address, want := range map[string][2]string{
		"192.0.2.77":           {"192.0.2.77/32", "192.0.2.0/24"},
		"::ffff:192.0.2.77":    {"192.0.2.77/32", "192.0.2.0/24"},
		"2001:db8:1:2:3::4":    {"2001:db8:1:2::/64", "2001:db8:1::/48"},
		"fe80::1%eth0":         {"fe80::/64", "fe80::/48"},
		"":                     {"", ""},
		"garbage":              {"", ""},
		"192.0.2.77, 10.0.0.1": {"", ""},
	} {
		if got := [2]string{throttle.SourceOf(address), throttle.NetworkOf(address)}; got != want {
			t.Errorf("%q: %v, want %v", address, got, want)
		}
	}
}
