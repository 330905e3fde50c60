package account_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/shared/fault"
	"centinela/shared/secret"
)

// design auth.md, "Password".
func TestCheckPassword(t *testing.T) {
	rules := account.PasswordRules{Least: 15}
	for name, c := range map[string]struct {
		password string
		ok       bool
	}{
		"words":                        {goodPassword, true},
		"15 random characters":         {"x7#Qm2vR9kLp4wZ", true},
		"14 random characters":         {"x7#Qm2vR9kLp4w", false},
		"256":                          {goodPassword + strings.Repeat("x7Qm2vR9", 28), true},
		"257":                          {strings.Repeat("x7Qm2vR9", 32) + "y", false},
		"other scripts":                {"лампа мустанг облако гвоздь", true},
		"Spanish with accents":         {"pelícano órbita mostaza farol", true},
		"Arabic":                       {"ٱلسلام عليكم ورحمة الله", true},
		"Chinese":                      {"鹈鹕轨道芥末灯笼天鹅绒锚苔原饼干", true},
		"Arabic repeats":               {strings.Repeat("ه", 40), false},
		"Spanish common ones":          {"contraseñacontraseña", false},
		"repeats":                      {strings.Repeat("a", 40), false},
		"row of keys":                  {"qwertyuiopasdfghjkl", false},
		"common ones":                  {"passwordpassword1", false},
		"digits":                       {"123456789012345678", false},
		"weak in front, random after":  {strings.Repeat("a", 72) + "x7#Qm2vR9kLp4wZ", false},
		"user name in it":              {"mariana orbit mustard 42 lantern", false},
		"user name in other case":      {"MARIANA orbit mustard 42 lantern", false},
		"user name in Cyrillic a":      {"mаriаnа orbit mustard 42 lantern", false},
		"user name in full width":      {"ｍａｒｉａｎａ orbit mustard 42 lantern", false},
		"15 characters by NFKC only":   {"ﷺx7#Qm2vR9", true}, // one ligature is 18 characters
		"257 only after NFKC":          {"ﷺ" + strings.Repeat("x7Qm2vR9", 30), false},
		"composition is not a matter":  {"mustardlanternorbitpelican", true},
		"name of the service, padding": {"centinelacentinela", false},
	} {
		t.Run(name, func(t *testing.T) {
			err := rules.CheckPassword("/password", "Mariana", secret.NewString(c.password))
			if c.ok != (err == nil) || (!c.ok && !errors.Is(err, account.ErrPasswordTooWeak)) {
				t.Fatalf("error %v", err)
			}
			if err == nil {
				return
			}
			fields := fault.From(err).Fields
			if len(fields) != 1 || fields[0].Pointer != "/password" || fields[0].Detail == "" || strings.Contains(fields[0].Detail, c.password) {
				t.Errorf("fields %+v", fields)
			}
		})
	}
	if err := rules.CheckPassword("/password", "ana", secret.NewString("banana orbit mustard 42 lantern")); err != nil {
		t.Errorf("a name of 3 letters is in it by chance: %v", err)
	}
}

// 1,000 characters take zxcvbn 10.8 s; the cut to 72 bounds it.
func TestCheckPasswordIsBounded(t *testing.T) {
	start := time.Now()
	err := account.PasswordRules{Least: 15}.CheckPassword("/password", "ana", secret.NewString(strings.Repeat("p@ssw0rd", 32)))
	if took := time.Since(start); took > 2*time.Second || !errors.Is(err, account.ErrPasswordTooWeak) {
		t.Errorf("%s, %v", took, err)
	}
}

func TestHasher(t *testing.T) {
	pepper := secret.RandomKey()
	h := account.NewHasher(cheap, 256<<10, pepper)
	password := secret.NewString(goodPassword)
	encoded, err := h.Hash(t.Context(), account.Familiar, password)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1,keyid="+pepper.ID+"$") {
		t.Errorf("parameters are not in %s", encoded[:40])
	}
	if again, err := h.Hash(t.Context(), account.Familiar, password); err != nil || again == encoded {
		t.Errorf("no salt (%v)", err)
	}
	raised := account.NewHasher(account.HashParams{MemoryKiB: 20 << 10, Time: 2, Threads: 1}, 256<<10, pepper)
	for name, c := range map[string]struct {
		hasher       *account.Hasher
		encoded      string
		password     string
		right, stale bool
		wrong        bool // an error
	}{
		"right":              {h, encoded, goodPassword, true, false, false},
		"wrong":              {h, encoded, otherPassword, false, false, false},
		"NFKC of the same":   {h, encoded, strings.Replace(goodPassword, "pelican", "ｐelican", 1), true, false, false},
		"nobody's":           {h, "", goodPassword, false, false, false},
		"parameters rose":    {raised, encoded, goodPassword, true, true, false},
		"other pepper":       {account.NewHasher(cheap, 256<<10, secret.RandomKey()), encoded, goodPassword, false, false, true},
		"damaged":            {h, encoded[:30], goodPassword, false, false, true},
		"memory above limit": {account.NewHasher(cheap, 19<<10, pepper), encoded, goodPassword, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			right, stale, err := c.hasher.Verify(t.Context(), account.Familiar, c.encoded, secret.NewString(c.password))
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
	h := account.NewHasher(cheap, 256<<10, secret.RandomKey())
	encoded, err := h.Hash(t.Context(), account.Familiar, secret.NewString(goodPassword))
	if err != nil {
		t.Fatal(err)
	}
	took := map[string][]time.Duration{}
	for range 7 {
		for _, of := range []string{encoded, ""} {
			start := time.Now()
			if _, _, err := h.Verify(t.Context(), account.Familiar, of, secret.NewString(otherPassword)); err != nil {
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
	h := account.NewHasher(account.HashParams{MemoryKiB: 19 << 10, Time: 30, Threads: 1}, 19<<10, secret.RandomKey())
	const flood = 60 // one in work, 16 wait (and some of them for too long), the rest is refused at once
	results := make(chan error, flood)
	for range flood {
		go func() {
			_, err := h.Hash(context.Background(), account.Familiar, secret.NewString(goodPassword))
			results <- err
		}()
	}
	busy := 0
	for range flood {
		err := <-results
		if err == nil {
			continue
		}
		if !errors.Is(err, account.ErrBusy) || fault.From(err).RetryAfter <= 0 || fault.From(err).Kind.Status() != 503 {
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
	h := account.NewHasher(account.HashParams{MemoryKiB: 8 << 10, Time: 1, Threads: threads}, 1<<20, secret.RandomKey())
	if n := h.AtOnce(); n != 1 {
		t.Errorf("%d hashes of %d threads at once", n, threads)
	}
}
