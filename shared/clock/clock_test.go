package clock

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Design "Stores": time is UTC, whole milliseconds.
func TestWholeMillisecondsUTC(t *testing.T) {
	odd := time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.FixedZone("x", 3600))
	travelled, err := OpenTravelled(filepath.Join(t.TempDir(), "clock"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Clock{"real": Real(), "manual": NewManual(odd), "travelled": travelled} {
		now := c.Now()
		if now.Location() != time.UTC || now.Nanosecond()%int(time.Millisecond) != 0 || now != now.Round(0) {
			t.Errorf("%s gives %v", name, now)
		}
	}
	if d := time.Since(Real().Now()); d < 0 || d > time.Minute {
		t.Errorf("the real clock is off by %s", d)
	}
}

func TestManual(t *testing.T) {
	m := NewManual(time.Unix(100, 0))
	m.Advance(90 * time.Second)
	if !m.Now().Equal(time.Unix(190, 0)) {
		t.Errorf("after Advance: %v", m.Now())
	}
	m.Set(time.Unix(5, 1))
	if !m.Now().Equal(time.Unix(5, 0)) {
		t.Errorf("after Set: %v", m.Now())
	}
}

func offsetOf(c Clock) time.Duration {
	return time.Until(c.Now()).Round(time.Minute)
}

func open(t *testing.T, path string) *Travelled {
	t.Helper()
	c, err := OpenTravelled(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Design recovery: POST /dev/clock moves the clock in every service, which in
// the split topology are processes that opened the same file.
func TestTravelledIsShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clock")
	one, two := open(t, path), open(t, path)
	for step := 1; step <= 20; step++ { // quick steps: several within one tick of the file system's clock
		now, err := one.Advance(time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		want := time.Duration(step) * time.Hour
		if got := time.Until(now).Round(time.Minute); got != want {
			t.Fatalf("Advance returned real+%s, not +%s", got, want)
		}
		if got := offsetOf(two); got != want {
			t.Fatalf("the other process sees +%s, not +%s", got, want)
		}
	}
	if got := offsetOf(open(t, path)); got != 20*time.Hour {
		t.Errorf("after a restart +%s", got)
	}
}

func TestTravelledConcurrentSteps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clock")
	var all sync.WaitGroup
	for range 8 {
		c := open(t, path)
		all.Go(func() {
			for range 5 {
				if _, err := c.Advance(time.Hour); err != nil {
					t.Error(err)
				}
				c.Now()
			}
		})
	}
	all.Wait()
	if got := offsetOf(open(t, path)); got != 40*time.Hour {
		t.Errorf("40 steps of an hour make +%s", got)
	}
}

func TestTravelledRefuses(t *testing.T) {
	c := open(t, filepath.Join(t.TempDir(), "clock"))
	for _, d := range []time.Duration{-1, maxTravel + 1} {
		if _, err := c.Advance(d); !errors.Is(err, ErrTravel) {
			t.Errorf("a step of %s: %v", d, err)
		}
	}
	if _, err := c.Advance(maxTravel); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Advance(time.Second); !errors.Is(err, ErrTravel) {
		t.Errorf("a sum over ten years: %v", err)
	}
	if got := offsetOf(c); got != maxTravel {
		t.Errorf("a refused step moved the clock to +%s", got)
	}
}

// A clock must not jump back: a lost or damaged file changes nothing for those
// who run, and is an error for those who start.
func TestTravelledDamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clock")
	c := open(t, path)
	if _, err := c.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"", "soon", "-1h", "999999h"} {
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := offsetOf(c); got != time.Hour {
			t.Errorf("%q in the file: +%s", body, got)
		}
		if _, err := OpenTravelled(path); err == nil {
			t.Errorf("%q in the file opens", body)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := offsetOf(c); got != time.Hour {
		t.Errorf("without the file: +%s", got)
	}
	if _, err := c.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := offsetOf(c); got != 2*time.Hour {
		t.Errorf("a step after the file was deleted: +%s", got)
	}
	if err := os.WriteFile(path, []byte("30m"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := offsetOf(c); got != 2*time.Hour {
		t.Errorf("a file that was set back: +%s", got)
	}
}
