package record

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
)

// RFC 8785's own examples.
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
			Data{
				"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
				"\U0001F600": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis",
			},
			"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
		},
		"a prefix comes first":      {Data{"ab": 1, "": 2, "a": 3}, `{"":2,"a":3,"ab":1}`},
		"nested":                    {Data{"b": map[string]any{}, "a": []any{Data{"c": "d"}, true, false, []string{"e"}}}, `{"a":[{"c":"d"},true,false,["e"]],"b":{}}`},
		"a time of day in 2026, ms": {int64(1772366400123), "1772366400123"},
		// Appendix B, IEEE 754 bits and their text.
		"zero":                   {math.Float64frombits(0), "0"},
		"minus zero":             {math.Float64frombits(0x8000000000000000), "0"},
		"min pos number":         {math.Float64frombits(0x0000000000000001), "5e-324"},
		"max pos number":         {math.Float64frombits(0x7fefffffffffffff), "1.7976931348623157e+308"},
		"max integer":            {math.Float64frombits(0x4340000000000000), "9007199254740992"},
		"min integer":            {int64(-9007199254740992), "-9007199254740992"},
		"max integer, whole":     {Data{"a": int64(9007199254740992), "b": 9007199254740992, "c": uint64(9007199254740992)}, `{"a":9007199254740992,"b":9007199254740992,"c":9007199254740992}`},
		"2^68":                   {math.Float64frombits(0x4430000000000000), "295147905179352830000"},
		"before 1e+23":           {math.Float64frombits(0x44b52d02c7e14af5), "9.999999999999997e+22"},
		"1e+23":                  {math.Float64frombits(0x44b52d02c7e14af6), "1e+23"},
		"round to even":          {math.Float64frombits(0x444b1ae4d6e2ef50), "1e+21"},
		"below 1e+21":            {math.Float64frombits(0x444b1ae4d6e2ef4f), "999999999999999900000"},
		"0.000001":               {math.Float64frombits(0x3eb0c6f7a0b5ed8d), "0.000001"},
		"below 0.000001":         {math.Float64frombits(0x3eb0c6f7a0b5ed8c), "9.999999999999997e-7"},
		"333333333.33333325":     {math.Float64frombits(0x41b3de4355555554), "333333333.33333325"},
		"-0.0000033333333333333": {math.Float64frombits(0xbecbf647612f3696), "-0.0000033333333333333333"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := appendData(nil, test.value, maxDepth)
			if err != nil || string(got) != test.want {
				t.Fatalf("got  %s (%v)\nwant %s", got, err, test.want)
			}
			if !json.Valid(got) {
				t.Error("it isn't JSON")
			}
			r := reader{s: string(got)}
			if r.value(maxDepth); r.end() != nil {
				t.Error("the reader doesn't take it back")
			}
		})
	}
	wide := Data{}
	for i := range maxMembers + 1 {
		wide[string(rune('a'+i))] = i
	}
	for name, value := range map[string]any{
		"no UTF-8":          "a\xff",
		"a surrogate":       "\xed\xa0\x80",
		"beyond a double":   int64(9007199254740993),
		"below a double":    int64(-9007199254740993),
		"an int beyond":     Data{"a": []any{9007199254740993}},
		"the least int":     math.MinInt64,
		"the largest uint":  uint64(math.MaxUint64),
		"not a number":      math.NaN(),
		"infinite":          math.Inf(-1),
		"an unknown type":   make(chan int),
		"nothing":           nil,
		"a name not UTF-8":  Data{"\xff": "1"},
		"wrong deep inside": Data{"a": Data{"b": "\xff"}},
		"too deep":          Data{"a": Data{"b": []any{Data{"c": 1}}}},
		"too wide":          wide,
		"too long a list":   make([]string, maxMembers+1),
	} {
		t.Run("refused/"+name, func(t *testing.T) {
			if got, err := appendData(nil, value, maxDepth-1); err == nil {
				t.Errorf("got %s", got)
			}
		})
	}
}

// Another spelling of the same value is not the value: two spellings of one event
// would be two hashes.
func TestReaderTakesOneSpellingOnly(t *testing.T) {
	for _, text := range []string{
		` {}`, `{} `, `{"a" :1}`, `{"a": 1}`, `{"b":1,"a":2}`, `{"a":1,"a":1}`, `{"a":1,}`, `[1,]`, `[,1]`, `01`, `1.0`, `1e2`, `1E5`, `-0`, `+1`, `.5`, `5.`,
		`0.10`, `1e21`, `100000000000000000000000`, `9007199254740993`, `"\/"`, `"\u0041"`, `"\u000A"`, `"\u000a"`, `"\u0008"`, `"\u00e9"`, "\"\x01\"", `"\ud83d\ude00"`, `"a`, `"\`, `"\u00`,
		"\"\xff\"", "\"\\n\xff\"", `null`, `tru`, `nan`, `NaN`, `Infinity`, ``, `{`, `[`, `{"a"`, `{"a":`, `[[[[[1]]]]]`, `1 1`, `{}{}`, "\ufeff{}",
	} {
		r := reader{s: text}
		if r.value(maxDepth); r.end() == nil {
			t.Errorf("taken: %s", text)
		}
	}
}

// Whatever the reader takes, the writer writes byte for byte the same.
func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"a":[1,-2.5,true,"x\n\u0001"],"b":{"c":"é😀"}}`))
	f.Add([]byte(`9.999999999999997e-7`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := reader{s: string(text)}
		if r.value(maxDepth); r.end() != nil {
			return
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatalf("taken, and no JSON: %v", err)
		}
		again, err := appendData(nil, value, maxDepth)
		if err != nil || string(again) != string(text) {
			t.Errorf("%q is written %q (%v)", text, again, err)
		}
	})
}

// And whatever the writer writes, the reader takes and means the same by it.
func FuzzCanonicalString(f *testing.F) {
	f.Add("a", "b\x00\"\\")
	f.Fuzz(func(t *testing.T, name, value string) {
		got, err := appendData(nil, Data{name: value}, maxDepth)
		if err != nil {
			return // not UTF-8
		}
		var back map[string]any
		if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, map[string]any{name: value}) {
			t.Errorf("%q: %q came back as %v (%v)", name, value, back, err)
		}
		r := reader{s: string(got)}
		r.object(maxDepth, func(read string) {
			if text := r.text(); read != name || text != value {
				t.Errorf("%q: %q was read as %q: %q", name, value, read, text)
			}
		})
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}
