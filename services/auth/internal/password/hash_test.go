package password_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"centinela/services/auth/internal/password"
	"centinela/shared/fault"
	"centinela/shared/secret"
)

var cheap = password.Params{MemoryKiB: 19 << 10, Time: 2, Threads: 1}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

func TestHasher(t *testing.T) {
	pepper := secret.RandomKey()
	h := password.NewHasher(cheap, 256<<10, pepper)
	right := secret.NewString(goodPassword)
	encoded, err := h.Hash(t.Context(), password.Familiar, right)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1,keyid="+pepper.ID+"$") {
		t.Errorf("parameters are not in %s", encoded[:40])
	}
	if again, err := h.Hash(t.Context(), password.Familiar, right); err != nil || again == encoded {
		t.Errorf("no salt (%v)", err)
	}
	raised := password.NewHasher(password.Params{MemoryKiB: 20 << 10, Time: 2, Threads: 1}, 256<<10, pepper)
	for name, c := range map[string]struct {
		hasher       *password.Hasher
		encoded      string
		typed        string
		right, stale bool
		wrong        bool // an error
	}{
		"right":              {h, encoded, goodPassword, true, false, false},
		"wrong":              {h, encoded, otherPassword, false, false, false},
		"NFKC of the same":   {h, encoded, strings.Replace(goodPassword, "pelican", "ｐelican", 1), true, false, false},
		"nobody's":           {h, "", goodPassword, false, false, false},
		"parameters rose":    {raised, encoded, goodPassword, true, true, false},
		"other pepper":       {password.NewHasher(cheap, 256<<10, secret.RandomKey()), encoded, goodPassword, false, false, true},
		"damaged":            {h, encoded[:30], goodPassword, false, false, true},
		"memory above limit": {password.NewHasher(cheap, 19<<10, pepper), encoded, goodPassword, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			right, stale, err := c.hasher.Verify(t.Context(), password.Familiar, c.encoded, secret.NewString(c.typed))
			if right != c.right || stale != c.stale || (err != nil) != c.wrong {
				t.Errorf("right %t, stale %t, %v", right, stale, err)
			}
			if err != nil && strings.Contains(err.Error(), "argon2id") {
				t.Errorf("the error repeats the hash")
			}
		})
	}
}

// R4: what belongs to nobody costs as much as a real verification. The constant deadline of SignIn hides the answer's
// time, not the load that a stranger could see on other requests.
func TestHasherWorksForNobody(t *testing.T) {
	h := password.NewHasher(cheap, 256<<10, secret.RandomKey())
	encoded, err := h.Hash(t.Context(), password.Familiar, secret.NewString(goodPassword))
	if err != nil {
		t.Fatal(err)
	}
	took := map[string][]time.Duration{}
	for range 7 {
		for _, of := range []string{encoded, ""} {
			start := time.Now()
			if _, _, err := h.Verify(t.Context(), password.Familiar, of, secret.NewString(otherPassword)); err != nil {
				t.Fatal(err)
			}
			took[of] = append(took[of], time.Since(start))
		}
	}
	if known, nobody := median(took[encoded]), median(took[""]); nobody < known/2 {
		t.Errorf("medians: %s for an account, %s for nobody", known, nobody)
	}
}

// A flood of sign-ins is told to come back instead of taking the memory of the machine.
func TestHasherIsBusy(t *testing.T) {
	h := password.NewHasher(password.Params{MemoryKiB: 19 << 10, Time: 30, Threads: 1}, 19<<10, secret.RandomKey())
	const flood = 60 // one in work, 16 wait (and some of them for too long), the rest is refused at once
	results := make(chan error, flood)
	for range flood {
		go func() {
			_, err := h.Hash(context.Background(), password.Familiar, secret.NewString(goodPassword))
			results <- err
		}()
	}
	busy := 0
	for range flood {
		err := <-results
		if err == nil {
			continue
		}
		if !errors.Is(err, password.ErrBusy) || fault.From(err).RetryAfter <= 0 || fault.From(err).Kind.Status() != 503 {
			t.Errorf("error %v", err)
		}
		busy++
	}
	if busy < flood-1-16 || busy == flood {
		t.Errorf("%d of %d were refused", busy, flood)
	}
}

// A flood has no more hashes in work than there are processors for: the rest of the process goes on.
func TestHasherLeavesTheProcessorsAlone(t *testing.T) {
	threads := uint8(min(255, 4*runtime.GOMAXPROCS(0)))
	h := password.NewHasher(password.Params{MemoryKiB: 8 << 10, Time: 1, Threads: threads}, 1<<20, secret.RandomKey())
	if n := h.AtOnce(); n != 1 {
		t.Errorf("%d hashes of %d threads at once", n, threads)
	}
}
