package strictjson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"centinela/shared/strictjson"
)

// nested is n lists, one in the other.
func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

// R5.4, CA C6, FR: what readers would read differently, or not at all, is refused, and the fault says which rule and where.
func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name, text, pointer string
		want                strictjson.Keyword
	}{
		{"empty", ``, ``, strictjson.Syntax},
		{"blank", " \n", ``, strictjson.Syntax},
		{"cut off", `{"a":"x`, `/a`, strictjson.Syntax},
		{"two values", `{}{}`, ``, strictjson.Syntax},
		{"a word behind", `{} x`, ``, strictjson.Syntax},
		{"byte order mark", "\ufeff{}", ``, strictjson.Syntax},
		{"NaN", `{"a":NaN}`, `/a`, strictjson.Syntax},
		{"Infinity", `[-Infinity]`, `/0`, strictjson.Syntax},
		{"leading zero", `[01]`, ``, strictjson.Syntax},
		{"plus sign", `[+1]`, `/0`, strictjson.Syntax},
		{"comma at the end", `{"a":1,}`, ``, strictjson.Syntax},
		{"single quotes", `{'a':1}`, ``, strictjson.Syntax},
		{"comment", `{/**/}`, ``, strictjson.Syntax},
		{"name without quotes", `{a:1}`, ``, strictjson.Syntax},
		{"control character", "[\"\x01\"]", `/0`, strictjson.Syntax},
		{"escape that isn't one", `["\x41"]`, `/0`, strictjson.Syntax},
		{"wrong bracket", `[}`, `/0`, strictjson.Syntax},
		{"no UTF-8", "{\"a\":\"b\xff\"}", `/a`, strictjson.UTF8},
		{"overlong", "[\"\xc0\xaf\"]", `/0`, strictjson.UTF8},
		{"surrogate as bytes", "[\"\xed\xa0\x80\"]", `/0`, strictjson.UTF8},
		{"high half", `{"a":"\ud800"}`, `/a`, strictjson.Surrogate},
		{"low half", `{"a":["\udc00 a"]}`, `/a/0`, strictjson.Surrogate},
		{"halves in the wrong order", `{"a":"\udc00\ud800"}`, `/a`, strictjson.Surrogate},
		{"high half twice", `["\uD83D\uD83D"]`, `/0`, strictjson.Surrogate},
		{"half in a name", `{"\ud800":1}`, ``, strictjson.Surrogate},
		{"doubled", `{"a":1,"a":1}`, `/a`, strictjson.Duplicate},
		{"doubled by an escape", `{"ab":1,"a\u0062":2}`, `/ab`, strictjson.Duplicate},
		{"doubled inside", `[{"a":{"b":1,"c":2,"b":3}}]`, `/0/a/b`, strictjson.Duplicate},
		{"17 levels", nested(17), strings.Repeat("/0", 16), strictjson.Depth},
		{"17 levels of objects", strings.Repeat(`{"a":`, 17) + "1" + strings.Repeat("}", 17), strings.Repeat("/a", 16), strictjson.Depth},
		{"too long", `"` + strings.Repeat("x", strictjson.MaxBytes-1) + `"`, ``, strictjson.Size},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, f := strictjson.Decode([]byte(c.text))
			if f == nil {
				t.Fatalf("taken as %v", v)
			}
			if f.Keyword != c.want || f.Pointer != c.pointer || v != nil {
				t.Errorf("%s at %q, want %s at %q", f.Keyword, f.Pointer, c.want, c.pointer)
			}
			if d := f.Detail(); d == "" || strings.Contains(d, "x") && c.want == strictjson.Syntax {
				t.Errorf("detail = %q", d)
			}
		})
	}
}

func TestDecodeTakes(t *testing.T) {
	const text = " {\"s\":\"\\ud83d\\ude00 \\u0000 ñ\",\"n\":-9223372036854775809,\"f\":1e999,\"l\":[],\"o\":{},\"t\":true,\"x\":null,\"K\":1,\"\u212a\":2} \r\n\t"
	data := []byte(text)
	got, f := strictjson.Decode(data)
	if f != nil {
		t.Fatal(f)
	}
	clear(data) // nothing of the value may alias it
	want := map[string]any{
		"s": "😀 \x00 ñ", "n": json.Number("-9223372036854775809"), "f": json.Number("1e999"), "l": []any{}, "o": map[string]any{},
		"t": true, "x": nil, "K": json.Number("1"), "\u212a": json.Number("2"),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
	if _, f := strictjson.Decode([]byte(nested(16))); f != nil {
		t.Errorf("16 levels: %v", f)
	}
}

// FuzzDecode holds the decoder against encoding/json, with the stricter rules written down a second time.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-0.5e+7,"\ud83d\ude00",true,false,null,{}]}`, `{"a":1,"\u0061":2}`, `["\ud800"]`, `["\udc00\ud800"]`, `["\\ud800"]`,
		"\"\xff\"", nested(16), nested(17), `{"a":{"b":1,"b":2}}`, ` 1 2`, "\ufeff1", `[1,]`, `"\u00`, `-`, `{"a"`, `{"":0,"":0}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		got, fault := strictjson.Decode(data)
		want, rule := model(data)
		if (fault == nil) != (rule == "") {
			t.Fatalf("fault %+v, the model says %q of %q", fault, rule, data)
		}
		if fault == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is %#v, the model has %#v", data, got, want)
		}
		if !bytes.Equal(before, data) {
			t.Fatal("the text was changed")
		}
	})
}

// model is the same reading in several passes of encoding/json: the value, or why it is refused.
func model(data []byte) (v any, rule string) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, "syntax"
	}
	if loneSurrogate(data) {
		return nil, "surrogate"
	}
	tokens := json.NewDecoder(bytes.NewReader(data))
	tokens.UseNumber()
	if rule = walk(tokens, 0); rule != "" {
		return nil, rule
	}
	whole := json.NewDecoder(bytes.NewReader(data))
	whole.UseNumber()
	if err := whole.Decode(&v); err != nil {
		return nil, err.Error()
	}
	return v, ""
}

// walk looks for levels and doubled names.
func walk(d *json.Decoder, depth int) string {
	token, err := d.Token()
	if err != nil {
		return err.Error()
	}
	open, ok := token.(json.Delim)
	if !ok {
		return ""
	}
	if depth == strictjson.MaxDepth {
		return "depth"
	}
	names := map[string]bool{}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err.Error()
			}
			if names[fmt.Sprint(name)] {
				return "duplicate"
			}
			names[fmt.Sprint(name)] = true
		}
		if rule := walk(d, depth+1); rule != "" {
			return rule
		}
	}
	if _, err := d.Token(); err != nil && err != io.EOF {
		return err.Error()
	}
	return ""
}

// loneSurrogate looks for escapes of half pairs in valid JSON, where a backslash stands in strings only.
func loneSurrogate(valid []byte) bool {
	text := string(valid)
	for at := 0; at < len(text); at++ {
		if text[at] != '\\' {
			continue
		}
		if text[at+1] != 'u' {
			at++
			continue
		}
		first := text[at+2 : at+6]
		at += 5
		if !strings.ContainsAny(first[:1], "dD") || !strings.ContainsAny(first[1:2], "89abABcdefCDEF") {
			continue
		}
		if strings.ContainsAny(first[1:2], "cdefCDEF") {
			return true // a low half first
		}
		rest := text[at+1:]
		if len(rest) < 6 || rest[:2] != `\u` || !strings.ContainsAny(rest[2:3], "dD") || !strings.ContainsAny(rest[3:4], "cdefCDEF") {
			return true
		}
		at += 6
	}
	return false
}

// BenchmarkDecode measures the strict pass beside a decoder of encoding/json that checks none of it: compare CPU, both
// in the same run.
func BenchmarkDecode(b *testing.B) {
	event := `{"id":"evt_0123456789abcdefghjkmnpq","time":"2026-11-23T10:00:00.000Z","service":"auth","action":"session.created",` +
		`"account":"acc_0123456789abcdefghjkmnpq","data":{"method":"password","n":"1"}}`
	for name, text := range map[string]string{
		"frame": `{"type":"send","client_id":"0123456789","conversation":"cnv_0123456789abcdefghjkmnpq","kind":"text","text":"hola ñ"}`,
		"batch": `{"events":[` + strings.Repeat(event+",", 99) + event + `]}`,
	} {
		data := []byte(text)
		b.Run(name+"/strict", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, f := strictjson.Decode(data); f != nil {
					b.Fatal(f)
				}
			}
		})
		b.Run(name+"/encoding_json", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var v any
				d := json.NewDecoder(bytes.NewReader(data))
				d.UseNumber()
				if err := d.Decode(&v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
