package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/v2"

	"centinela/shared/secret"
)

// decode puts every value of the layers into its field. origin has the variable
// or flag of those that came from one.
func decode(keys *schema, layers *koanf.Koanf, origin map[string]string, problems *Errors) {
	for _, path := range sortedKeys(keys.leaves) {
		if !layers.Exists(path) {
			continue
		}
		value := layers.Get(path)
		if value == nil { // "key:" with nothing behind it says nothing
			continue
		}
		name := path
		if from := origin[path]; from != "" {
			name += " (" + from + ")"
		}
		if err := setLeaf(keys.leaves[path], value); err != nil {
			problems.AddErr(name, err)
		}
	}
}

func setLeaf(target leaf, value any) error {
	switch target.form {
	case formList:
		return setList(target.value, value)
	case formTree:
		return setTree(target.value, value)
	default:
		return setOne(target.value, value)
	}
}

// setOne sets a text or a scalar. Numbers may stand in quotes, but a text that
// YAML took for a number is refused: 0123 has already lost its zero.
func setOne(target reflect.Value, value any) error {
	text, isText := value.(string)
	form, _ := formOf(target.Type())
	if !isText {
		if form == formText {
			return errors.New("must be a text: put it in quotes")
		}
		if kind := reflect.TypeOf(value).Kind(); kind == reflect.Map || kind == reflect.Slice {
			return mustBe(target.Type())
		}
		text = scalarText(value)
	}
	return parse(target, text)
}

// scalarText writes a YAML scalar so that strconv reads it back: a whole float
// (1e6) as the integer it is.
func scalarText(value any) string {
	if f, ok := value.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return strconv.FormatInt(int64(f), 10)
	}
	return fmt.Sprint(value)
}

func parse(target reflect.Value, text string) error {
	kind := target.Type()
	if reader, ok := target.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := reader.UnmarshalText([]byte(text)); err != nil {
			if _, hidden := reader.(*secret.String); hidden {
				return err // ours, and without the value
			}
			return mustBe(kind)
		}
		return nil
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

// mustBe says what a value should look like; never what it was.
func mustBe(kind reflect.Type) error {
	switch {
	case kind == durationType:
		return errors.New("must be a duration such as 10m or 1h30m")
	case kind.Kind() == reflect.Bool:
		return errors.New("must be true or false")
	case kind.Kind() >= reflect.Int && kind.Kind() <= reflect.Int64:
		return fmt.Errorf("must be a whole number (of %d bits)", kind.Bits())
	case kind.Kind() >= reflect.Uint && kind.Kind() <= reflect.Uint64:
		return fmt.Errorf("must be a whole number from 0 (of %d bits)", kind.Bits())
	case kind.Kind() == reflect.Float32 || kind.Kind() == reflect.Float64:
		return errors.New("must be a number")
	default:
		return fmt.Errorf("must be a valid %s", kind)
	}
}

// setList replaces the list: by a YAML list, or by a text "a, b".
func setList(target reflect.Value, value any) error {
	var items []any
	switch v := value.(type) {
	case []any:
		items = v
	case string:
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				items = append(items, part)
			}
		}
	default:
		return errors.New("must be a list")
	}
	list := reflect.MakeSlice(target.Type(), len(items), len(items))
	for i, item := range items {
		if item == nil {
			return fmt.Errorf("item %d: must not be empty", i+1)
		}
		if err := setOne(list.Index(i), item); err != nil {
			return fmt.Errorf("item %d: %w", i+1, err)
		}
	}
	target.Set(list)
	return nil
}

// setTree decodes a map or a list of structs. A list starts anew: mapstructure
// would merge its items with the default's.
func setTree(target reflect.Value, value any) error {
	if target.Kind() == reflect.Slice {
		target.SetZero()
	}
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: target.Addr().Interface(), TagName: tagName, ErrorUnused: true,
		MatchName: func(key, field string) bool { return key == field },
		DecodeHook: func(from, to reflect.Value) (any, error) {
			return decodeInner(from, to.Type())
		},
	})
	if err != nil {
		return err
	}
	if err := decoder.Decode(value); err != nil {
		return treeError(err)
	}
	return nil
}

// decodeInner reads the values inside of a tree by the same rules as those of a key.
func decodeInner(from reflect.Value, to reflect.Type) (any, error) {
	if !from.IsValid() {
		return nil, nil
	}
	form, ok := formOf(to)
	if !ok || form == formTree || from.Type() == to {
		return from.Interface(), nil
	}
	made := reflect.New(to).Elem()
	if err := setLeaf(leaf{form: form, value: made}, from.Interface()); err != nil {
		return nil, err
	}
	return made.Interface(), nil
}

// treeError keeps the places and messages of mapstructure's errors, in order.
func treeError(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var lines []string
		for _, one := range joined.Unwrap() {
			lines = append(lines, treeError(one).Error())
		}
		slices.Sort(lines)
		return errors.New(strings.Join(lines, "; "))
	}
	var at *mapstructure.DecodeError
	if errors.As(err, &at) {
		inner := treeError(at.Unwrap()).Error()
		inner = strings.Replace(inner, "has invalid keys: ", "unknown keys: ", 1)
		if at.Name() == "" {
			return errors.New(inner)
		}
		return errors.New(at.Name() + ": " + inner)
	}
	return err
}
