package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"centinela/services/recovery/internal/recovery"
	"centinela/shared/outbox"
)

// Store is everything at once.
type Store interface {
	recovery.Store
	recovery.Texts
	recovery.Inbox
	outbox.Log
}

var now = time.Date(2030, 1, 1, 12, 0, 0, 1e6, time.UTC)

var errStop = errors.New("stop")

// Run runs every case on stores that open gives.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Store)
	}{
		{"wallet round trip", walletRoundTrip},
		{"wallet rollback on an error", walletRollback},
		{"wallets by number", walletsByNumber},
		{"flow round trip", flowRoundTrip},
		{"flow not found", flowNotFound},
		{"flows of account, newest first", flowsOfAccount},
		{"open flows of account", openFlows},
		{"flow by veto token", flowByVetoToken},
		{"due", due},
		{"counter, 100 goroutines", counterRace},
		{"counter window", counterWindow},
		{"counter set back", uncount},
		{"one winner among racers", oneWinner},
		{"effects with the change", effects},
		{"claim texts once, lease", claimTexts},
		{"texts of a flow", textsOf},
		{"text by provider", textByProvider},
		{"inbox keeps by id", inbox},
		{"prune", prune},
		{"cancelled context writes nothing", cancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// fill sets every field of v, so that a forgotten one is seen.
func fill(v reflect.Value, seed int) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(now.Add(time.Duration(seed) * time.Minute)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), seed+i+1)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), seed)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte{byte(seed), 0, 255})
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), seed)
		fill(v.Index(1), seed+50)
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d", seed))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(seed))
	default:
		panic("fill: " + v.Kind().String())
	}
}

// Filled is a value with every field set.
func filled[T any]() T {
	var v T
	fill(reflect.ValueOf(&v).Elem(), 1)
	return v
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func cancelled(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.UpdateWallet(ctx, "acc_a", put(recovery.Wallet{Account: "acc_a", Locale: "es"})); err == nil {
		t.Error("no error")
	}
	if err := s.CreateFlow(ctx, flow("rec_a", "acc_a"), recovery.Effects{}); err == nil {
		t.Error("no error")
	}
	w, err := s.Wallet(t.Context(), "acc_a")
	must(t, err)
	if w.Locale != "" {
		t.Error("written after the cancel")
	}
	if _, err := s.Flow(t.Context(), "rec_a"); !errors.Is(err, recovery.ErrNoFlow) {
		t.Error("written after the cancel")
	}
}
