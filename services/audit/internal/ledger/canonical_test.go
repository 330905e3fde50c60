package ledger

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"centinela/shared/record"
)

// RFC 8785's own examples, as far as strings and whole numbers go.
func TestCanonical(t *testing.T) {
	for name, test := range map[string]struct {
		value any
		want  string
	}{
		"string of §3.2.3": {"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/", `"€$\u000f\nA'B\"\\\\\"/"`},
		"short escapes":    {"\b\t\n\f\r", `"\b\t\n\f\r"`},
		"other controls":   {"\x00\x1f\x7f", "\"\\u0000\\u001f\x7f\""},
		"nothing else":     {"</>&\u2028😀", "\"</>&\u2028😀\""},
		"order of §3.2.3": {
			object{
				{"\u20ac", "Euro Sign"},
				{"\r", "Carriage Return"},
				{"\ufb33", "Hebrew Letter Dalet With Dagesh"},
				{"1", "One"},
				{"\U0001F600", "Emoji: Grinning Face"},
				{"\u0080", "Control"},
				{"\u00f6", "Latin Small Letter O With Diaeresis"},
			},
			"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
		},
		"a prefix comes first":      {object{{"ab", int64(1)}, {"", int64(2)}, {"a", int64(3)}}, `{"":2,"a":3,"ab":1}`},
		"nested":                    {object{{"b", object{}}, {"a", object{{"c", "d"}}}}, `{"a":{"c":"d"},"b":{}}`},
		"zero (appendix B)":         {int64(0), "0"},
		"max integer (appendix B)":  {int64(9007199254740992), "9007199254740992"},
		"min integer (appendix B)":  {int64(-9007199254740992), "-9007199254740992"},
		"a time of day in 2026, ms": {int64(1772366400123), "1772366400123"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := appendCanonical(nil, test.value)
			if err != nil || string(got) != test.want {
				t.Fatalf("got  %s (%v)\nwant %s", got, err, test.want)
			}
			if !json.Valid(got) {
				t.Error("it isn't JSON")
			}
		})
	}
	for name, value := range map[string]any{
		"no UTF-8":          "a\xff",
		"a surrogate":       "\xed\xa0\x80",
		"beyond a double":   int64(9007199254740993),
		"a member twice":    object{{"a", "1"}, {"a", "2"}},
		"an unknown type":   3.5,
		"a name not UTF-8":  object{{"\xff", "1"}},
		"wrong deep inside": object{{"a", object{{"b", "\xff"}}}},
	} {
		t.Run("refused/"+name, func(t *testing.T) {
			if got, err := appendCanonical(nil, value); err == nil {
				t.Errorf("got %s", got)
			}
		})
	}
}

// The form is what other programs recompute: it must never change.
func TestCanonicalFormOfAnEntry(t *testing.T) {
	e := Entry{Seq: 7, StoredAt: time.UnixMilli(1772366400999).UTC(), Event: record.Event{
		ID: "evt_1", Time: time.UnixMilli(1772366400123).UTC(), Service: "auth", Action: "session.created", Outcome: "success",
		Account: "acc_1", Data: map[string]string{"method": "password"},
	}}
	got, err := e.canonical()
	want := `{"event":{"account":"acc_1","action":"session.created","data":{"method":"password"},"id":"evt_1","outcome":"success","service":"auth","time":1772366400123},"prev_hash":"0000000000000000000000000000000000000000000000000000000000000000","seq":7,"stored_at":1772366400999}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
}

// R5.2: no field of an entry, today's or one added later, can change without its hash.
func TestEveryFieldIsHashed(t *testing.T) {
	base := Entry{Seq: 1, StoredAt: time.UnixMilli(1).UTC(), Event: record.Event{Time: time.UnixMilli(1).UTC()}}
	hash := func(e Entry) Hash {
		h, err := e.computeHash()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	seen := map[Hash]string{hash(base): "nothing"}
	var change func(path string, index []int, v reflect.Type)
	change = func(path string, index []int, typ reflect.Type) {
		for i := range typ.NumField() {
			field := typ.Field(i)
			at := append(append([]int(nil), index...), i)
			if field.Type == reflect.TypeFor[record.Event]() {
				change("event.", at, field.Type)
				continue
			}
			if path == "" && field.Name == "Hash" {
				continue // it is the result
			}
			e := base
			v := reflect.ValueOf(&e).Elem().FieldByIndex(at)
			switch {
			case field.Type == reflect.TypeFor[time.Time]():
				v.Set(reflect.ValueOf(time.UnixMilli(2).UTC()))
			case field.Type == reflect.TypeFor[Hash]():
				v.Set(reflect.ValueOf(Hash{31: 1}))
			case field.Type.Kind() == reflect.String:
				v.SetString("x")
			case field.Type.Kind() == reflect.Int64:
				v.SetInt(2)
			case field.Type.Kind() == reflect.Map:
				v.Set(reflect.ValueOf(map[string]string{"": ""}))
			default:
				t.Fatalf("unknown type of %s", field.Name)
			}
			h := hash(e)
			if other, same := seen[h]; same {
				t.Errorf("%s%s and %s have the same hash", path, field.Name, other)
			}
			seen[h] = path + field.Name
		}
	}
	change("", nil, reflect.TypeFor[Entry]())
}

func FuzzCanonicalString(f *testing.F) {
	f.Add("a", "b\x00\"\\")
	f.Fuzz(func(t *testing.T, name, value string) {
		got, err := appendCanonical(nil, object{{name, value}})
		if err != nil {
			return // not UTF-8
		}
		var back map[string]string
		if err := json.Unmarshal(got, &back); err != nil || back[name] != value {
			t.Errorf("%q: %q came back as %v (%v)", name, value, back, err)
		}
	})
}
