package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"centinela/shared/fault"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)

func sample() Event {
	return New(now, "auth", SessionCreated, Success, Origin{Address: "192.0.2.1", UserAgent: "ua", RequestID: "r", Device: "d"})
}

func TestNew(t *testing.T) {
	e := sample()
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	if !e.Time.Equal(now.Truncate(time.Millisecond)) || e.Time.Nanosecond() != 678_000_000 {
		t.Errorf("time %v", e.Time)
	}
	if e.Address != "192.0.2.1" || e.UserAgent != "ua" || e.RequestID != "r" || e.Device != "d" || e.ID == sample().ID {
		t.Errorf("got %+v", e)
	}
}

// An over-long or broken header must not make an event that audit refuses: an
// attacker could hide by it.
func TestNewBoundsWhatTheClientChose(t *testing.T) {
	for _, agent := range []string{strings.Repeat("x", 5000), strings.Repeat("é", 400), "x" + strings.Repeat("é", 400), "\xff\xfe", strings.Repeat("\xffa", 511)} {
		e := New(now, "auth", SessionRefused, Refused, Origin{UserAgent: agent, Address: agent, RequestID: agent, Device: agent})
		if err := e.Validate(); err != nil {
			t.Errorf("%.10q: %v", agent, err)
		}
		if !utf8.ValidString(e.UserAgent) || e.UserAgent == "" {
			t.Errorf("%.10q became %.10q", agent, e.UserAgent)
		}
	}
}

func TestValidate(t *testing.T) {
	over := func(limit int) string { return strings.Repeat("x", limit+1) }
	long := over(maxDataText)
	many := map[string]string{}
	for i := range maxData + 1 {
		many[strconv.Itoa(i)] = ""
	}
	full := maps.Clone(many)
	delete(full, "0")
	tests := map[string]struct {
		change  func(*Event)
		pointer string // "" is valid
	}{
		"as made":          {func(*Event) {}, ""},
		"at the bounds":    {func(e *Event) { atTheBounds(e); e.Data = full }, ""},
		"foreign id":       {func(e *Event) { e.ID = "acc_" + e.ID[4:] }, "/id"},
		"no id":            {func(e *Event) { e.ID = "" }, "/id"},
		"no time":          {func(e *Event) { e.Time = time.Time{} }, "/time"},
		"no service":       {func(e *Event) { e.Service = "" }, "/service"},
		"long service":     {func(e *Event) { e.Service = over(maxService) }, "/service"},
		"unknown action":   {func(e *Event) { e.Action = "session.made_up" }, "/action"},
		"unknown outcome":  {func(e *Event) { e.Outcome = "maybe" }, "/outcome"},
		"long account":     {func(e *Event) { e.Account = over(maxAccount) }, "/account"},
		"long session":     {func(e *Event) { e.Session = over(maxSession) }, "/session"},
		"long target":      {func(e *Event) { e.Target = over(maxTarget) }, "/target"},
		"long address":     {func(e *Event) { e.Address = over(maxAddress) }, "/address"},
		"long device":      {func(e *Event) { e.Device = over(maxDevice) }, "/device"},
		"long user agent":  {func(e *Event) { e.UserAgent = over(maxUserAgent) }, "/user_agent"},
		"long request id":  {func(e *Event) { e.RequestID = over(maxRequestID) }, "/request_id"},
		"long reason":      {func(e *Event) { e.Reason = over(maxReason) }, "/reason"},
		"reason not UTF-8": {func(e *Event) { e.Reason = "\xff" }, "/reason"},
		"too many data":    {func(e *Event) { e.Data = many }, "/data"},
		"long data key":    {func(e *Event) { e.Data = map[string]string{long: ""} }, "/data"},
		"long data value":  {func(e *Event) { e.Data = map[string]string{"k": long} }, "/data"},
		"data not UTF-8":   {func(e *Event) { e.Data = map[string]string{"k": "\xff"} }, "/data"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := sample()
			test.change(&e)
			err := e.Validate()
			if test.pointer == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("got %v", err)
			}
			if fields := fault.From(err).Fields; len(fields) != 1 || fields[0].Pointer != test.pointer {
				t.Errorf("got %+v, want one at %s", fields, test.pointer)
			}
		})
	}
}

func atTheBounds(e *Event) {
	e.Service, e.Account, e.Session = strings.Repeat("x", maxService), strings.Repeat("x", maxAccount), strings.Repeat("x", maxSession)
	e.Target, e.Address, e.Device = strings.Repeat("x", maxTarget), strings.Repeat("x", maxAddress), strings.Repeat("x", maxDevice)
	e.UserAgent, e.RequestID, e.Reason = strings.Repeat("x", maxUserAgent), strings.Repeat("x", maxRequestID), strings.Repeat("x", maxReason)
}

// Audit refuses for good what is longer than its specification says (R5.1: such
// an event would be missing from the record), so the bounds here are the same.
func TestBoundsAreThoseOfTheSpecification(t *testing.T) {
	source, err := os.ReadFile("../../openapi/audit.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, event, _ := strings.Cut(string(source), "\n    Event:\n")
	event, _, _ = strings.Cut(event, "\n    EventBatch:\n")
	bounds := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^        (\w+): \{type: string,.* maxLength: (\d+)\}`).FindAllStringSubmatch(event, -1) {
		bounds[m[1]] = m[2]
	}
	for _, text := range sample().texts() {
		if bounds[text.field] != strconv.Itoa(text.limit) {
			t.Errorf("%s: %d bytes here, %q in the specification", text.field, text.limit, bounds[text.field])
		}
	}
	for _, want := range []string{fmt.Sprintf("maxProperties: %d\n", maxData), fmt.Sprintf("additionalProperties: {type: string, maxLength: %d}", maxDataText)} {
		if !strings.Contains(event, want) {
			t.Errorf("data: the specification doesn't say %q", want)
		}
	}
}

// Each text of the event is bounded: a field that is added later must be too.
func TestValidateForgetsNoText(t *testing.T) {
	kind := reflect.TypeFor[Event]()
	for i := range kind.NumField() {
		if kind.Field(i).Type.Kind() != reflect.String {
			continue
		}
		e := sample()
		reflect.ValueOf(&e).Elem().Field(i).SetString(strings.Repeat("x", maxDataText+1))
		if e.Validate() == nil {
			t.Errorf("%s has no bound", kind.Field(i).Name)
		}
	}
}

func TestJSON(t *testing.T) {
	e := sample()
	e.ID = "evt_000000000000000000000000"
	body, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"evt_000000000000000000000000","time":"2026-01-02T03:04:05.678Z","service":"auth","action":"session.created","outcome":"success","address":"192.0.2.1","device":"d","user_agent":"ua","request_id":"r"}`
	if string(body) != want {
		t.Errorf("got %s", body)
	}
	kind := reflect.TypeFor[Event]()
	for i := range kind.NumField() {
		if f := kind.Field(i); f.Tag.Get("json") != f.Tag.Get("bson") || f.Tag.Get("json") == "" {
			t.Errorf("%s has different names in JSON and BSON", f.Name)
		}
	}
}

// Design audit: events are OCSF-shaped, so every action has a class.
func TestClassUID(t *testing.T) {
	tests := map[string]int{
		SessionCreated: 3002, SessionRefused: 3002, SavedCodeUsed: 3002,
		PasswordChanged: 3001, PhoneRemoved: 3001, RecoveryCompleted: 3001,
		ChatMessageSent: 6003, AuditRead: 6003,
		FirewallVerdictAdded: 2004, SessionRefreshReused: 2004, AuditGap: 2004,
		"made.up": 0, "": 0,
	}
	for action, want := range tests {
		if got := ClassUID(action); got != want {
			t.Errorf("%q is %d, not %d", action, got, want)
		}
	}
	for _, action := range Actions() {
		switch ClassUID(action) {
		case 3001, 3002, 6003, 2004:
		default:
			t.Errorf("%q has the class %d", action, ClassUID(action))
		}
	}
}

// Every constant of actions.go is in the list: one that is not would be refused
// by Validate only when the event happens.
func TestActionsListIsWhole(t *testing.T) {
	source, err := os.ReadFile("actions.go")
	if err != nil {
		t.Fatal(err)
	}
	constants := 0
	for line := range strings.Lines(string(source)) {
		_, rest, ok := strings.Cut(line, `= "`)
		if !ok {
			continue
		}
		constants++
		action, _, _ := strings.Cut(rest, `"`)
		if !Known(action) {
			t.Errorf("%q is not in the list", action)
		}
	}
	if constants != len(Actions()) || constants != 40 {
		t.Errorf("%d constants, %d in the list", constants, len(Actions()))
	}
}
