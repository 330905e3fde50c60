package testkit

import "strings"

// HostileJSON is what must be refused of any reader of JSON: the object text valid, with one fault more, by the fault's
// name. Each is a fault of the text itself, whatever the object should hold.
func HostileJSON(valid string) map[string]string {
	inner := strings.TrimPrefix(valid, "{")
	before := func(member string) string { return "{" + strings.TrimSuffix(member+","+inner, ",}") + closed(inner) }
	return map[string]string{
		"nothing":                   "",
		"cut off":                   strings.TrimSuffix(valid, "}"),
		"two values":                valid + valid,
		"a word behind":             valid + " x",
		"byte order mark":           "\ufeff" + valid,
		"comma at the end":          strings.TrimSuffix(valid, "}") + ",}",
		"single quotes":             before(`'a':1`),
		"a comment":                 before(`/**/"a":1`),
		"name without quotes":       before(`a:1`),
		"NaN":                       before(`"a":NaN`),
		"Infinity":                  before(`"a":-Infinity`),
		"leading zero":              before(`"a":01`),
		"hexadecimal":               before(`"a":0x52`),
		"control character":         before("\"a\":\"\x01\""),
		"unknown escape":            before(`"a":"\x41"`),
		"17 levels":                 before(`"a":` + strings.Repeat("[", 16) + strings.Repeat("]", 16)),
		"10,000 levels":             before(`"a":` + strings.Repeat(`[`, 10_000) + strings.Repeat("]", 10_000)),
		"doubled":                   before(`"a":1,"a":1`),
		"doubled by an escape":      before(`"a":1,"\u0061":1`),
		"doubled inside":            before(`"a":[{"b":{"c":1,"c":1}}]`),
		"no UTF-8":                  before("\"a\":\"\xff\""),
		"overlong UTF-8":            before("\"a\":\"\xc0\xaf\""),
		"a surrogate as UTF-8":      before("\"a\":\"\xed\xa0\x80\""),
		"high half of a pair":       before(`"a":"\ud800"`),
		"low half of a pair":        before(`"a":"\udc00 a"`),
		"halves in the wrong order": before(`"a":"\udc00\ud800"`),
		"half of a pair in a name":  before(`"\udfff":1`),
	}
}

// closed is the brace that TrimSuffix took from an object without members.
func closed(inner string) string {
	if inner == "}" {
		return "}"
	}
	return ""
}
