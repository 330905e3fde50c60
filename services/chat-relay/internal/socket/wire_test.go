package socket

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// silent is a connection from which as much comes as is asked for.
type silent struct{ net.Conn }

func (silent) Read(p []byte) (int, error) { return len(p), nil }

// R2.1: a socket reads its budget at once and then as much a second, to the byte (MU C24).
func TestReadBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget = 1000
		w := newWire(silent{}, budget, nil)
		read := func(n int) error {
			_, err := w.Read(make([]byte, n))
			return err
		}
		if err := read(budget); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second / 2)
		if err := read(budget / 2); err != nil {
			t.Errorf("half a second's: %v", err)
		}
		time.Sleep(time.Hour) // saves nothing up
		if err := read(budget); err != nil {
			t.Errorf("after a pause: %v", err)
		}
		if err := read(1); !errors.Is(err, errTooFast) {
			t.Errorf("one more: %v", err)
		}
	})
}
