package testkit

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// Filled is a T in which no field has its zero value, so that a field that a store
// forgets is noticed, also one that is added later. Times are whole milliseconds, UTC.
func Filled[T any](t testing.TB) (v T) {
	t.Helper()
	fill(t, reflect.ValueOf(&v).Elem(), new(int))
	return v
}

func fill(t testing.TB, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(*n) * 1001 * time.Millisecond)))
	case v.Type() == reflect.TypeFor[[]byte]():
		v.SetBytes([]byte{byte(*n), 0, 255})
	case v.Kind() == reflect.String:
		v.SetString(fmt.Sprintf("ñ \"'$.\x01 %d", *n))
	case v.Kind() == reflect.Int64:
		v.SetInt(int64(*n) << 33)
	case v.Kind() == reflect.Int:
		v.SetInt(int64(*n))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), n)
		fill(t, v.Index(1), n)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	default:
		t.Fatalf("no value is known for a %s", v.Type())
	}
}
