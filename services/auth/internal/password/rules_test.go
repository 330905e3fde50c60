package password_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"centinela/services/auth/internal/password"
	"centinela/shared/fault"
	"centinela/shared/secret"
)

const (
	goodPassword  = "pelican orbit mustard 42 lantern"
	otherPassword = "velvet anchor tundra 77 biscuit"
)

// design auth.md, "Password".
func TestCheck(t *testing.T) {
	rules := password.Rules{Least: 15}
	for name, c := range map[string]struct {
		typed string
		ok    bool
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
			err := rules.Check("/password", "Mariana", secret.NewString(c.typed))
			if c.ok != (err == nil) || (!c.ok && !errors.Is(err, password.ErrTooWeak)) {
				t.Fatalf("error %v", err)
			}
			if err == nil {
				return
			}
			fields := fault.From(err).Fields
			if len(fields) != 1 || fields[0].Pointer != "/password" || fields[0].Detail == "" || strings.Contains(fields[0].Detail, c.typed) {
				t.Errorf("fields %+v", fields)
			}
		})
	}
	if err := rules.Check("/password", "ana", secret.NewString("banana orbit mustard 42 lantern")); err != nil {
		t.Errorf("a name of 3 letters is in it by chance: %v", err)
	}
}

// 1,000 characters take zxcvbn 10.8 s; the cut to 72 bounds it.
func TestCheckIsBounded(t *testing.T) {
	start := time.Now()
	err := password.Rules{Least: 15}.Check("/password", "ana", secret.NewString(strings.Repeat("p@ssw0rd", 32)))
	if took := time.Since(start); took > 2*time.Second || !errors.Is(err, password.ErrTooWeak) {
		t.Errorf("%s, %v", took, err)
	}
}
