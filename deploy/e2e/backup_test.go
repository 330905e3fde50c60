package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"centinela/openapi/sdk"
	"centinela/shared/testkit"
)

// FR A25: a backup that is taken while people sign up and chat is restored into a
// fresh folder, and everything goes on there: the record verifies, who was signed
// up signs in, the chat has all that was accepted before, and takes the next number.
func TestBackupUnderLoad(t *testing.T) {
	s := start(t, together, onSQLite, "chat_relay.rate.burst=100000", "auth.sign_up.hourly=100000")
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	ana, ben := s.join(ctx), s.join(ctx)
	conversation, err := ana.session.Conversations().Direct(ctx, ben.name)
	if err != nil {
		t.Fatal(err)
	}
	const sure = 5 // messages that were accepted before the backup began
	if err := say(ctx, ana.session, conversation.Id, sure); err != nil {
		t.Fatal(err)
	}
	awaitActivity(ctx, t, ana.session, map[string]int{"account.created": 1, "session.created": 1})

	var load sync.WaitGroup
	var ended, joined atomic.Int32
	load.Go(func() {
		for ended.Load() == 0 {
			if err := say(ctx, ana.session, conversation.Id, 20); err != nil {
				t.Error(err)
				return
			}
		}
	})
	load.Go(func() {
		for ended.Load() == 0 {
			s.join(ctx)
			joined.Add(1)
		}
	})
	backups := []string{filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second")}
	for _, dir := range backups {
		before := joined.Load()
		testkit.Eventually(t, time.Minute, func() (bool, string) { // somebody signs up when it begins
			return joined.Load() > before || t.Failed(), "nobody signs up"
		})
		if out, code := s.command("backup", dir); code != 0 || !strings.Contains(out, "Backed up into "+dir) {
			t.Fatalf("exit code %d: %s", code, out)
		}
	}
	ended.Store(1)
	load.Wait()
	s.verifyRecord()
	s.stop(t)

	for _, dir := range backups {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			if out, code := command(t, "audit", "verify", "--data", dir); code != 0 {
				t.Errorf("the backup as it lies: exit code %d: %s", code, out)
			}
			home := t.TempDir()
			data := filepath.Join(home, "data")
			if out, code := command(t, "restore", dir, "--data", data); code != 0 || !strings.Contains(out, "Restored into "+data) {
				t.Fatalf("exit code %d: %s", code, out)
			}
			if out, code := command(t, "restore", dir, "--data", data); code != 1 || !strings.Contains(out, "is not empty") {
				t.Errorf("again: exit code %d: %s", code, out)
			}
			fresh := startIn(t, home, together, onSQLite)
			fresh.goesOn(ctx, ana, ben, conversation.Id, sure)
			fresh.verifyRecord()
		})
	}
}

// goesOn checks that a restored suite knows ana, her chat with ben, and takes up both.
func (s *world) goesOn(ctx context.Context, ana, ben person, conversation string, sure int64) {
	t := s.t
	t.Helper()
	client, err := sdk.New(s.URL, sdk.WithDeviceKey(ana.client.Device()), sdk.WithDevAddress(randomAddress(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdle)
	session, err := client.SignIn(ctx, ana.name, password)
	if err != nil {
		t.Fatalf("she can't sign in: %v", err)
	}
	known, err := session.Conversations().Get(ctx, conversation)
	if err != nil || known.LastSeq < sure {
		t.Fatalf("the conversation ends at %d, %d were accepted: %v", known.LastSeq, sure, err)
	}
	chat, err := session.Chat(ctx, sdk.ChatOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer chat.Close()
	accepted, err := chat.Send(ctx, conversation, "after the restore")
	if err != nil || accepted.Seq != known.LastSeq+1 {
		t.Errorf("the next number is %d, after %d: %v", accepted.Seq, known.LastSeq, err)
	}
	if _, err := session.Conversations().Direct(ctx, ben.name); err != nil {
		t.Errorf("ben isn't known: %v", err)
	}
	// The record may be ahead of the chat by messages that were accepted between the
	// two snapshots: their numbers are given again, which the record shows.
	testkit.Eventually(t, 20*time.Second, func() (bool, string) {
		got := map[string]int{}
		for event, err := range session.Activity(ctx, sdk.Security) {
			if err != nil {
				return false, err.Error()
			}
			got[event.Action]++
		}
		return got["account.created"] == 1 && got["session.created"] == 2, fmt.Sprint(got)
	})
}

// A backup that was damaged, or a folder that is in use, changes nothing and is
// one line (the form of each is services/runner/backup's to test).
func TestRestoreRefuses(t *testing.T) {
	s := start(t, together, onSQLite)
	dir := filepath.Join(t.TempDir(), "backup")
	if out, code := s.command("backup", dir); code != 0 {
		t.Fatal(out)
	}
	if out, code := s.command("restore", dir); code != 1 || !strings.Contains(out, "is not empty") {
		t.Errorf("into a running suite: exit code %d: %s", code, out)
	}
	if out, code := s.command("backup", dir); code != 1 || !strings.Contains(out, "is not empty") {
		t.Errorf("over a backup: exit code %d: %s", code, out)
	}
	writeFile(t, filepath.Join(dir, "keys", "auth-pepper.key"), "another one")
	fresh := filepath.Join(t.TempDir(), "fresh")
	if out, code := command(t, "restore", dir, "--data", fresh); code != 1 || strings.Count(out, "\n") != 1 || !strings.Contains(out, "auth-pepper.key isn't what was written") {
		t.Errorf("a damaged backup: exit code %d: %s", code, out)
	}
	if _, err := os.Stat(fresh); !os.IsNotExist(err) {
		t.Errorf("it left something: %v", err)
	}
}

// On MongoDB a backup holds keys and checkpoint, and says what to use for the rest.
func TestBackupOnMongoDB(t *testing.T) {
	s := start(t, together, onMongoDB)
	ana := s.join(t.Context())
	awaitActivity(t.Context(), t, ana.session, map[string]int{"session.created": 1})
	s.stop(t) // it signs the checkpoint
	dir := filepath.Join(t.TempDir(), "backup")
	out, code := s.command("backup", dir)
	if code != 0 || !strings.Contains(out, "mongodump --oplog") {
		t.Errorf("exit code %d: %s", code, out)
	}
	for name, want := range map[string]bool{"keys/auth-pepper.key": true, "audit/checkpoint.json": true, "auth/auth.db": false} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s is in it: %v", name, !want)
		}
	}
}

// stop ends the suite before its test does.
func (s *world) stop(t *testing.T) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}
