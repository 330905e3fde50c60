package cursor

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"centinela/shared/fault"
)

// maxLength bounds what Decode looks at, in bytes of the encoded form.
const maxLength = 1024

// ErrInvalid is a cursor that Encode did not make for this list.
var ErrInvalid = fault.New(fault.KindInvalid, fault.CodeInvalidCursor, "the cursor is not valid; start again without one")

// Encode gives v as an opaque token that is safe in a URL. It panics on a v that
// JSON can't hold: cursors are plain structs of ours.
func Encode(v any) string {
	body, err := json.Marshal(v)
	if err != nil {
		panic("cursor: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(body)
}

// Decode reads a token of Encode into v, which points to the same type. A token
// that is too long, broken, or made for another list (an unknown field) gives
// ErrInvalid, and v may then be half filled.
func Decode(s string, v any) error {
	if len(s) > maxLength {
		return ErrInvalid
	}
	body, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return ErrInvalid.WithCause(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return ErrInvalid.WithCause(err)
	}
	// What Encode makes of it must be what came: no other spelling, nothing left
	// out (null, {}), nothing after it.
	if Encode(v) != s {
		return ErrInvalid
	}
	return nil
}
