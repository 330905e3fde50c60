package recovery_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// FR A6, A7: a number in the forms in which people type, paste and copy it; its
// length counts in characters. What isn't one is told so.
func TestNumbersAsPeopleTypeThem(t *testing.T) {
	w := newWorld(t, options{})
	w.prove(ana, second)
	for name, typed := range map[string]string{
		"full width (A6)":             "＋３４６００１２３４５６",
		"full width with spaces (A6)": "＋３４　６００　１２３　４５６",
		"Arabic-Indic digits":         "+٣٤٦٠٠١٢٣٤٥٦",
		"marks of direction (A7)":     "\u202a+34600123456\u202c",
		"isolates (A7)":               "\u2068+34600123456\u2069",
		"zero width spaces":           "+34\u200b600\u200b123\u200b456\ufeff",
		"dashes of every kind":        "+34\u2011600–123—456",
		"no-break and narrow spaces":  "+34\u00a0600\u202f123\u2009456",
		"as it is":                    "+34600123456",
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			// It is the number that the account has already.
			w.want(w.call("POST", "/v1/me/phones", w.signedIn(ana), map[string]string{"number": typed}), 409, "phone_taken")
		})
	}
	for _, typed := range []string{"hello", "\u202a\u202c\u2068\u2069\u200b", "+34 600 12", strings.Repeat("+34600123456 ", 4)} {
		a := w.want(w.call("POST", "/v1/me/phones", w.signedIn(ana), map[string]string{"number": typed}), 400, "phone_invalid")
		if strings.Contains(a.Body, "600") {
			t.Error("the answer repeats what was typed")
		}
	}
	w.want(w.call("POST", "/v1/me/phones", w.signedIn(ana), map[string]string{"number": strings.Repeat("1", 65)}), 400, "invalid_request")
}

// spell writes a code as people do.
var spell = map[string]func(string) string{
	"a space":         func(c string) string { return c[:4] + " " + c[4:] },
	"a dash":          func(c string) string { return c[:4] + "-" + c[4:] },
	"a leading #":     func(c string) string { return "#" + c },
	"pasted marks":    func(c string) string { return "\u202a" + c + "\u202c\n" },
	"no-break spaces": func(c string) string { return c[:2] + "\u00a0" + c[2:6] + "\u202f" + c[6:] },
	"full width": func(c string) string {
		return strings.Map(func(r rune) rune { return r - '0' + '０' }, c)
	},
	"Arabic-Indic digits": func(c string) string {
		return strings.Map(func(r rune) rune { return r - '0' + '٠' }, c)
	},
	"a full stop": func(c string) string { return c + "." },
}

// noCodes can't be a code of 8 digits, whatever was sent.
var noCodes = []string{"1234567", "123456789", "1234567O", "hello", "+12345678", "\u200b", "12345678 12345678", strings.Repeat("1", 64)}

// FR A8: the right code with a space, a dash or a # is the right code, also on
// the owner's own number; what can't be a code costs no try, however often.
func TestCodesAsPeopleTypeThem(t *testing.T) {
	w := newWorld(t, options{})
	id := w.want(w.call("POST", "/v1/me/phones", w.signedIn(ana), map[string]string{"number": first}), 201, "").Field("id")
	own := "/v1/me/phones/" + id + "/verification"
	code := w.code(first)
	for range 3 {
		for _, typed := range noCodes {
			a := w.want(w.call("POST", own, w.signedIn(ana), map[string]string{"code": typed}), 422, "code_invalid")
			if !strings.Contains(a.Body, `"/code"`) || !strings.Contains(a.Body, "8 digits") {
				t.Error(a.Body)
			}
		}
	}
	w.want(w.call("POST", own, w.signedIn(ana), map[string]string{"code": spell["a space"](code)}), 200, "")
	for name, typed := range spell {
		w.Clock.Advance(20 * time.Minute)
		w.want(w.call("POST", "/v1/me/phones/"+id+"/codes", w.signedIn(ana), nil), 202, "")
		if a := w.call("POST", own, w.signedIn(ana), map[string]string{"code": typed(w.code(first))}); a.Status != http.StatusOK {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	w.Clock.Advance(8 * day)
	for name, typed := range spell {
		w.Clock.Advance(3 * time.Hour) // the budgets of texts aren't the matter here
		c := w.start("ana", "")
		w.want(c.call("POST", "/codes", map[string]string{}), 202, "")
		code := w.code(first)
		for range 2 {
			for _, no := range noCodes {
				w.want(c.evidence("sms", no), 422, "code_invalid")
			}
		}
		if a := c.evidence("sms", typed(code)); a.Status != http.StatusOK {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}

// A saved code is read off paper; what can't be one costs no try and auth isn't
// even asked.
func TestSavedCodesAsPeopleTypeThem(t *testing.T) {
	for _, typed := range []string{"k7qm 2f9x wb4t z6hr", "K7QM2F9XWB4TZ6HR", "\u202aK7QM–2F9X–WB4T–Z6HR\u202c", "Ｋ７ＱＭ-2F9X-WB4T-Z6HR"} {
		w := newWorld(t, options{})
		w.prove(ana, first)
		c := w.start("ana", "")
		for range 3 {
			for _, no := range []string{"hello", "K7QM-2F9X-WB4T-Z6H", "K7QM-2F9X-WB4T-Z6HU", "12345678"} {
				a := w.want(c.evidence("saved_code", no), 422, "code_invalid")
				if !strings.Contains(a.Body, `"/code"`) {
					t.Error(a.Body)
				}
			}
		}
		w.want(c.evidence("saved_code", typed), 200, "")
		flow, err := w.module.Flow(t.Context(), c.id)
		if err != nil || len(flow.Evidence) != 1 {
			t.Errorf("%q: %v, %d evidences", typed, err, len(flow.Evidence))
		}
	}
}

// NC A5: a wrong code is 422 with the field's pointer, and no challenge; 401 is
// for what another token would help with.
func TestWrongCodeIsNo401(t *testing.T) {
	w := newWorld(t, options{})
	id := w.want(w.call("POST", "/v1/me/phones", w.signedIn(ana), map[string]string{"number": first}), 201, "").Field("id")
	c := w.start("ana", "")
	for name, a := range map[string]answer{
		"own number": w.call("POST", "/v1/me/phones/"+id+"/verification", w.signedIn(ana), map[string]string{"code": "00000000"}),
		"sms":        c.evidence("sms", "00000000"),
		"saved code": c.evidence("saved_code", "AAAA-BBBB-CCCC-DDDD"),
	} {
		var body struct {
			Code   string
			Errors []struct{ Pointer, Code string }
		}
		into(w.want(a, 422, "code_invalid"), &body)
		if len(body.Errors) != 1 || body.Errors[0].Pointer != "/code" || body.Errors[0].Code != "code_invalid" {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
	w.want(w.call("GET", "/v1/recoveries/"+c.id, "Recovery wrong", nil), 401, "recovery_invalid")
}

// The identifier is cleaned of what nobody sees before auth is asked.
func TestIdentifierAsPeopleTypeIt(t *testing.T) {
	w := newWorld(t, options{})
	w.prove(ana, first)
	w.Clock.Advance(8 * day)
	for _, typed := range []string{"ana", " ana\n", "\u202aana\u202c", "a\u200bna"} {
		flow, err := w.module.Flow(t.Context(), w.start(typed, "").id)
		if err != nil || flow.Account != ana {
			t.Errorf("%q: %v, account %q", typed, err, flow.Account)
		}
	}
	for _, typed := range []string{"anna", "\u200b", " "} {
		if flow, err := w.module.Flow(t.Context(), w.start(typed, "").id); err != nil || flow.Account != "" {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

// FR A4: the first word counts, in whatever punctuation; anything else stops nothing.
func TestAnswersAsPeopleWriteThem(t *testing.T) {
	for body, stops := range map[string]bool{
		"¡NO!": true, "NO !": true, `"NO"`: true, "No, no fui yo": true, "No gracias": true, "(NO)": true, "NO,": true, "Nó": true, "\u2068no\u2069": true, "STOP": true, "nope": true, "Rechazo": true,
		"sí": false, "maybe not": false, "ok": false, "NO 12": false, "123": false,
	} {
		w := newWorld(t, options{})
		w.prove(ana, first)
		w.Clock.Advance(8 * day)
		c := w.start("ana", "")
		w.want(c.bySMS(first), 200, "")
		w.want(w.call("POST", "/dev/phone/replies", "", map[string]string{"from": first, "body": body}), 204, "")
		if got := c.call("GET", "", nil).Field("state"); (got == "vetoed") != stops {
			t.Errorf("%q: the recovery is %s", body, got)
		}
	}
}
