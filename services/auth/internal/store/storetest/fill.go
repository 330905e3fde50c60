package storetest

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// filled returns a T in which no field has its zero value, so that a field which a store forgets is seen; a new kind of
// field fails the test until it is known here.
func filled[T any](t *testing.T) T {
	t.Helper()
	var v T
	n := 0
	fill(t, reflect.ValueOf(&v).Elem(), &n)
	return v
}

func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(start.Add(time.Duration(*n) * 1001 * time.Millisecond)))
	case v.Type() == reflect.TypeFor[[]byte]():
		v.SetBytes([]byte{byte(*n), 0, 255})
	case v.Kind() == reflect.String:
		v.SetString(fmt.Sprintf("ñ-%d", *n))
	case v.Kind() == reflect.Int64:
		v.SetInt(int64(*n) << 33)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), n)
		fill(t, v.Index(1), n)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	default:
		t.Fatalf("fill: no value for %s", v.Type())
	}
}
