package httpkit_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"testing"

	"centinela/shared/fault"
	"centinela/shared/httpkit"
)

// RFC 9457 §3.2: an extension member stands beside the standard ones; an internal
// error has none, whatever it says, and a sentinel stays as it is.
func TestExtensionMembers(t *testing.T) {
	sentinel := fault.New(fault.KindConflict, fault.CodeConflict, "not yet")
	said := sentinel.WithMember("a", map[string]int{"b": 1}).WithMember("c", "d")
	written := func(err error) (body map[string]any) {
		rec := httptest.NewRecorder()
		httpkit.WriteProblem(rec, httptest.NewRequest("GET", "/", nil), err)
		if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
			t.Fatalf("%v: %s", err, rec.Body)
		}
		return body
	}
	body := written(said)
	if nested, _ := body["a"].(map[string]any); nested["b"] != 1.0 || body["c"] != "d" || body["code"] != "conflict" || body["status"] != 409.0 {
		t.Errorf("%v", body)
	}
	if sentinel.Members != nil || !errors.Is(said, sentinel) {
		t.Error("the sentinel was changed, or isn't the same error any more")
	}
	if body := written(fault.New(fault.KindInternal, fault.CodeInternal, "").WithMember("a", "secret")); body["a"] != nil {
		t.Errorf("an internal error: %v", body)
	}
}
