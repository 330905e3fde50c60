package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"centinela/shared/secret"
)

// setText sets a key by a text: of a variable, a flag or a YAML scalar. A list is
// written "a, b".
func (l leaf) setText(text string) error {
	if !l.isList() {
		return parse(l.value, text)
	}
	var items []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			items = append(items, part)
		}
	}
	return l.setList(items)
}

// setList replaces the list.
func (l leaf) setList(items []string) error {
	list := reflect.MakeSlice(l.value.Type(), len(items), len(items))
	for i, item := range items {
		if err := parse(list.Index(i), item); err != nil {
			return fmt.Errorf("item %d: %w", i+1, err)
		}
	}
	l.value.Set(list)
	return nil
}

// parse sets one scalar. Its error says what the text should look like; never
// what it was.
func parse(target reflect.Value, text string) error {
	kind := target.Type()
	if reader, ok := target.Addr().Interface().(encoding.TextUnmarshaler); ok {
		err := reader.UnmarshalText([]byte(text))
		if _, hidden := reader.(*secret.String); err == nil || hidden {
			return err // a secret's is ours, and without the value
		}
		return mustBe(kind)
	}
	var err error
	switch {
	case kind == durationType:
		var d time.Duration
		if d, err = time.ParseDuration(text); err == nil {
			target.SetInt(int64(d))
		}
	case kind.Kind() == reflect.String:
		target.SetString(text)
	case kind.Kind() == reflect.Bool:
		var b bool
		if b, err = strconv.ParseBool(text); err == nil {
			target.SetBool(b)
		}
	case target.CanInt():
		var n int64
		if n, err = strconv.ParseInt(text, 10, kind.Bits()); err == nil {
			target.SetInt(n)
		}
	case target.CanUint():
		var n uint64
		if n, err = strconv.ParseUint(text, 10, kind.Bits()); err == nil {
			target.SetUint(n)
		}
	default:
		var f float64
		if f, err = strconv.ParseFloat(text, kind.Bits()); err == nil {
			target.SetFloat(f)
		}
	}
	if err != nil {
		return mustBe(kind)
	}
	return nil
}

// mustBe says what a value should look like.
func mustBe(kind reflect.Type) error {
	switch {
	case kind == durationType:
		return errors.New("must be a duration such as 10m or 1h30m")
	case readsText(kind):
		return fmt.Errorf("must be a valid %s", kind)
	case kind.Kind() == reflect.String:
		return errors.New("must be a text")
	case kind.Kind() == reflect.Bool:
		return errors.New("must be true or false")
	case kind.Kind() >= reflect.Int && kind.Kind() <= reflect.Int64:
		return fmt.Errorf("must be a whole number (of %d bits)", kind.Bits())
	case kind.Kind() >= reflect.Uint && kind.Kind() <= reflect.Uint64:
		return fmt.Errorf("must be a whole number from 0 (of %d bits)", kind.Bits())
	default:
		return errors.New("must be a number")
	}
}
