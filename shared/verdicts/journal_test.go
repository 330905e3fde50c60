package verdicts

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/clock"
)

// written is a copy of a snapshot and some changes.
func written(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "verdicts")
	run(t, file, func(t *testing.T, audit script, _ *Set, _ *Feed) {
		var all []Verdict
		for i := range 5 {
			all = append(all, verdict(fmt.Sprint(i), Refuse, ip(fmt.Sprintf("10.0.0.%d", i))))
		}
		audit.answer(t, "", Page{Cursor: "1", Snapshot: true, Verdicts: all}, nil)
		audit.answer(t, "1", page("2", verdict("x", Refuse, ip("10.0.1.1"))), nil)
		audit.answer(t, "2", Page{Cursor: "3", Removed: []string{"4"}}, nil)
		synctest.Wait()
	})
	return file
}

func restored(file string, at time.Time, key string) (*Set, *Feed, string) {
	set, log := NewSet(), &bytes.Buffer{}
	feed := NewFeed(set, nil, Copy{Path: file, Key: []byte(key)}, clock.NewManual(at), slog.New(slog.NewTextHandler(log, nil)))
	feed.Restore()
	return set, feed, log.String()
}

func TestRestore(t *testing.T) {
	file := written(t)
	set, feed, log := restored(file, noon, "key")
	if set.Len() != 5 || !refused(set, "10.0.1.1") || refused(set, "10.0.0.4") || !feed.Able() || log != "" {
		t.Errorf("restored %+v, %s", set.Snapshot(), log)
	}
	for _, none := range []string{"", filepath.Join(t.TempDir(), "none")} {
		if set, feed, log := restored(none, noon, "key"); set.Len() != 0 || feed.Able() || log != "" {
			t.Errorf("%q: %d held, able %v, %s", none, set.Len(), feed.Able(), log)
		}
	}
}

// KB D3: a copy that can't be read whole opens nothing: it counts as nothing, the service isn't able, and the log
// names the file. Cut anywhere, with any bit flipped, garbage, another suite's, older, or of the first version.
func TestUnreadableCopyCountsAsNothing(t *testing.T) {
	good, err := os.ReadFile(written(t))
	if err != nil {
		t.Fatal(err)
	}
	refuses := func(t *testing.T, body []byte, at time.Time, key string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "verdicts")
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
		set, feed, log := restored(file, at, key)
		if set.Len() != 0 || feed.Able() || !strings.Contains(log, "level=ERROR") || !strings.Contains(log, file) {
			t.Errorf("%d held, able %v, log %s", set.Len(), feed.Able(), log)
		}
	}
	for name, body := range map[string][]byte{
		"empty": nil, "garbage": []byte(`{"ver`), "zeros": make([]byte, 1000), "the first version": []byte(`{"version":3,"snapshot":true}` + "\n"),
		"only the seal": good[:sealSize], "without a line": bytes.Replace(good, []byte(`{"snapshot":true}`+"\n"), nil, 1),
	} {
		t.Run(name, func(t *testing.T) {
			refuses(t, body, noon, "key")
		})
	}
	t.Run("another suite's", func(t *testing.T) { refuses(t, good, noon, "other") })
	t.Run("older than a day", func(t *testing.T) { refuses(t, good, noon.Add(tooOld+time.Minute), "key") })
	for cut := 0; cut < len(good); cut += 13 {
		refuses(t, good[:cut], noon, "key")
	}
	spaces := bytes.IndexByte(good, ' ')
	for at := range good {
		if at > spaces && at < sealSize && good[at] == ' ' {
			continue // the seal's padding says nothing
		}
		body := bytes.Clone(good)
		body[at] ^= 1
		refuses(t, body, noon, "key")
	}
}

// What stands behind the sealed length is an append that never ended: the rest counts.
func TestAppendThatNeverEnded(t *testing.T) {
	file := written(t)
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(`{"removed":["0","1"`)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if set, feed, log := restored(file, noon, "key"); set.Len() != 5 || !feed.Able() || log != "" {
		t.Errorf("%d held, %s", set.Len(), log)
	}
}

// A service that runs on vouches for its copy, also while audit is silent.
func TestCopyStaysYoung(t *testing.T) {
	file := filepath.Join(t.TempDir(), "verdicts")
	later := noon.Add(3 * tooOld)
	clk := clock.NewManual(noon)
	j := &journal{Copy: Copy{Path: file, Key: []byte("key")}, now: clk.Now}
	if err := j.alive(); err != nil {
		t.Errorf("there is no copy yet: %v", err)
	}
	long := verdict("a", Refuse, ip("10.0.0.1"))
	long.Until = later.Add(time.Hour)
	if err := j.rewrite([]Verdict{long}); err != nil {
		t.Fatal(err)
	}
	if _, feed, _ := restored(file, noon.Add(24*time.Hour), "key"); !feed.Able() {
		t.Error("a day is not too old")
	}
	if _, feed, _ := restored(file, noon.Add(24*time.Hour+time.Millisecond), "key"); feed.Able() {
		t.Error("more than a day is")
	}
	clk.Advance(3 * tooOld)
	if _, feed, _ := restored(file, later, "key"); feed.Able() {
		t.Error("nobody vouched for it")
	}
	if err := j.alive(); err != nil {
		t.Fatal(err)
	}
	j.close()
	if set, feed, _ := restored(file, later, "key"); !feed.Able() || set.Len() != 1 {
		t.Error("a running service vouched for it")
	}
}

// The file is written anew when it grew long, and holds the same.
func TestCompacts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "verdicts")
	set := NewSet()
	j := &journal{Copy: Copy{Path: file, Key: []byte("key")}, now: func() time.Time { return noon }}
	for i := range compactAfter + 10 {
		v := verdict(fmt.Sprint(i%3), Refuse, ip("10.0.0.1"))
		change(t, set, nil, v)
		if err := j.append([]Verdict{v}, nil, set.Snapshot); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	if info, err := os.Stat(file); err != nil || info.Size() > 10_000 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	if again, _, log := restored(file, noon, "key"); again.Len() != 3 || log != "" {
		t.Errorf("%d held, %s", again.Len(), log)
	}
}
