package ledger_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"centinela/services/audit/internal/ledger"
	"centinela/shared/clock"
	"centinela/shared/testkit"
)

func signer(t *testing.T) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

func checkpointer(t *testing.T, store ledger.Store, path string, key ed25519.PrivateKey) (*ledger.Checkpointer, string) {
	t.Helper()
	c, gap, err := ledger.OpenCheckpointer(t.Context(), store, path, key, clock.NewManual(noon), testkit.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	return c, gap
}

// R5.2: the first entry is pinned at once, a thousand more as well, and a forged file is refused.
func TestCheckpointer(t *testing.T) {
	store := openStore(t)
	path := filepath.Join(t.TempDir(), "checkpoint.json")
	public, key := signer(t)
	pins, gap := checkpointer(t, store, path, key)
	if gap != "" {
		t.Errorf("an empty record misses a checkpoint: %s", gap)
	}
	l := bookOf(t, store, clock.NewManual(noon), func(entries []ledger.Entry) { pins.Noted(len(entries)) })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- pins.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	at := func(seq int64) {
		t.Helper()
		testkit.Eventually(t, testkit.Patience, func() (bool, string) {
			c, ok, err := ledger.ReadCheckpoint(path, public)
			return err == nil && ok && c.Seq >= seq && c.Time.Equal(noon), "no checkpoint"
		})
	}
	add(t, l, event())
	at(1)
	if err := pins.Ready(); err != nil {
		t.Error(err)
	}
	for range 10 {
		batch := make([]int, 100)
		for range batch {
			add(t, l, event())
		}
	}
	at(1001)

	other, _ := signer(t)
	if _, _, err := ledger.ReadCheckpoint(path, other); !errors.Is(err, ledger.ErrCheckpoint) {
		t.Errorf("another key: %v", err)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	forged := strings.Replace(string(body), `"seq":`, `"seq":1`, 1)
	other2 := filepath.Join(t.TempDir(), "forged.json")
	if err := os.WriteFile(other2, []byte(forged), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ledger.ReadCheckpoint(other2, public); !errors.Is(err, ledger.ErrCheckpoint) {
		t.Errorf("a changed seq: %v", err)
	}
}

// R5.2: the evidence of a cut survives the service that runs on: the old
// checkpoint is never replaced by one of a record that contradicts it.
func TestCheckpointIsNotReplacedAfterACut(t *testing.T) {
	store, _ := tenEntries(t)
	path := filepath.Join(t.TempDir(), "checkpoint.json")
	public, key := signer(t)
	pins, gap := checkpointer(t, store, path, key)
	if !strings.Contains(gap, "no checkpoint") {
		t.Errorf("a record without its checkpoint was not noticed: %q", gap)
	}
	if err := pins.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	tamper(t, store, "DELETE FROM entries WHERE seq > 8")
	restarted, gap := checkpointer(t, store, path, key)
	if !strings.Contains(gap, "entry 10 is no longer") {
		t.Errorf("the cut was not noticed at the start: %q", gap)
	}
	_, other := signer(t)
	if c, gap := checkpointer(t, store, path, other); !strings.Contains(gap, "not signed") || !errors.Is(c.Ready(), ledger.ErrCheckpoint) {
		t.Errorf("a foreign checkpoint was not noticed at the start: %q, ready: %v", gap, c.Ready())
	}
	for range 5 {
		add(t, newLedger(t, store), event())
	}
	for _, c := range []*ledger.Checkpointer{pins, restarted} {
		if c == restarted && !errors.Is(c.Ready(), ledger.ErrTampered) {
			t.Errorf("ready: %v", c.Ready())
		}
		if err := c.Write(t.Context()); !errors.Is(err, ledger.ErrTampered) {
			t.Errorf("written over: %v", err)
		}
		if err := c.Ready(); !errors.Is(err, ledger.ErrTampered) || !strings.Contains(err.Error(), "move checkpoint.json away") {
			t.Errorf("ready: %v", err)
		}
	}
	if c, ok, err := ledger.ReadCheckpoint(path, public); err != nil || !ok || c.Seq != 10 {
		t.Errorf("%+v %v %v", c, ok, err)
	}
	// An older file, put in place to hide the cut, doesn't fool the running service.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := pins.Write(t.Context()); !errors.Is(err, ledger.ErrTampered) {
		t.Errorf("the file was removed: %v", err)
	}
}

// still is a record that doesn't change.
type still struct {
	ledger.Store
	head ledger.Head
}

func (s still) Head(context.Context) (ledger.Head, error) { return s.head, nil }

// CA A4: what an earlier life left without a checkpoint has one at once, without a tick or an entry more.
func TestCheckpointAtTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.json")
	public, key := signer(t)
	synctest.Test(t, func(t *testing.T) {
		pins, gap := checkpointer(t, still{head: ledger.Head{Seq: 10}}, path, key)
		if gap == "" {
			t.Error("the missing checkpoint was not noticed")
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			synctest.Wait() // for Run, which waits
			cancel()
		}()
		if err := pins.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	if c, ok, err := ledger.ReadCheckpoint(path, public); err != nil || !ok || c.Seq != 10 {
		t.Errorf("%+v %v %v", c, ok, err)
	}
}

// A thousand entries have a checkpoint at once, fewer within ten seconds.
func TestCheckpointEveryThousand(t *testing.T) {
	store := openStore(t)
	add(t, newLedger(t, store), events(1100)...)
	rows, err := store.Rows(t.Context(), 1, 2000)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkpoint.json")
	public, key := signer(t)
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{rows: rows[:10]}
		pins, _, err := ledger.OpenCheckpointer(t.Context(), s, path, key, clock.NewManual(noon), testkit.Logger(t))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- pins.Run(ctx) }()
		at := func(want int64) {
			t.Helper()
			synctest.Wait()
			if c, ok, err := ledger.ReadCheckpoint(path, public); err != nil || !ok || c.Seq != want {
				t.Errorf("at %d, %v, want %d", c.Seq, err, want)
			}
		}
		at(10)
		s.rows = rows[:1009]
		pins.Noted(999)
		at(10)
		s.rows = rows[:1010]
		pins.Noted(1)
		at(1010)
		s.rows = rows
		pins.Noted(90)
		at(1010)
		time.Sleep(10 * time.Second)
		at(1100)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Where nothing was added, the checkpoint stays as it is, also after a start.
func TestCheckpointStays(t *testing.T) {
	store, _ := tenEntries(t)
	path := filepath.Join(t.TempDir(), "checkpoint.json")
	_, key := signer(t)
	var files []string
	for i := range 3 {
		pins, _, err := ledger.OpenCheckpointer(t.Context(), store, path, key, clock.NewManual(noon.Add(time.Duration(i)*time.Hour)), testkit.Logger(t))
		if err == nil {
			err = errors.Join(pins.Write(t.Context()), pins.Write(t.Context()))
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, string(body))
	}
	if files[1] != files[0] || files[2] != files[0] {
		t.Errorf("%q", files)
	}
}

// A disk that takes no checkpoint makes the service not ready, until it does.
func TestNotReadyWithoutACheckpoint(t *testing.T) {
	store, _ := tenEntries(t)
	folder := filepath.Join(t.TempDir(), "later")
	_, key := signer(t)
	pins, _ := checkpointer(t, store, filepath.Join(folder, "checkpoint.json"), key)
	if err := pins.Write(t.Context()); err == nil || pins.Ready() == nil {
		t.Errorf("written to a folder that isn't there: %v, %v", err, pins.Ready())
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := pins.Write(t.Context()); err != nil || pins.Ready() != nil {
		t.Errorf("afterwards: %v, %v", err, pins.Ready())
	}
}

// flaky panics once while a checkpoint is made.
type flaky struct {
	ledger.Store
	once bool
}

func (f *flaky) Head(ctx context.Context) (ledger.Head, error) {
	if f.once {
		f.once = false
		panic("store fault")
	}
	return f.Store.Head(ctx)
}

// R3: a checkpoint that ended in a panic holds up no later one.
func TestCheckpointAfterAPanic(t *testing.T) {
	sound, _ := tenEntries(t)
	store := &flaky{Store: sound}
	path := filepath.Join(t.TempDir(), "checkpoint.json")
	public, key := signer(t)
	pins, _ := checkpointer(t, store, path, key)
	store.once = true
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		if err := pins.Write(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if err := pins.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, ok, err := ledger.ReadCheckpoint(path, public); err != nil || !ok || c.Seq != 10 {
		t.Errorf("%+v %v %v", c, ok, err)
	}
}
