package audit_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/sqlitex"
)

// The database of first light is refused in one line that says what to do, by the service and by verify, and stays as
// it is.
func TestFirstLightsDatabase(t *testing.T) {
	p := onSQLite(t)
	seed(t, onBesideKeys(t, p)) // verify needs the keys of a service that has run
	db, err := sqlitex.Open(t.Context(), p.database(), fstest.MapFS{"0001_init.sql": {Data: []byte(read(t, "testdata/first_light.sql"))}})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO entries VALUES (1, 'evt_1', 0, 'auth', 'session.created', 'success', 'acc_1', '', '', '', '', '', '', '', '{}', zeroblob(32), zeroblob(32), 0)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before := []byte(read(t, p.database()))
	if err := starts(t, p); err == nil || !strings.Contains(err.Error(), "start with an empty data_dir, or the edition that made it; nothing was changed") || strings.Contains(err.Error(), "\n") {
		t.Errorf("started: %v", err)
	}
	if _, err := verifies(t, p); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "audit.db") {
		t.Errorf("verified: %v", err)
	}
	if !bytes.Equal(unnumbered(before), unnumbered([]byte(read(t, p.database())))) {
		t.Error("the file was changed")
	}
	if _, err := os.Stat(filepath.Join(p.store.Dir, "checkpoint.json")); !os.IsNotExist(err) {
		t.Errorf("a checkpoint was made: %v", err)
	}
}

// onBesideKeys is another store with the same keys.
func onBesideKeys(t *testing.T, p place) place {
	t.Helper()
	other := onSQLite(t)
	other.keys = p.keys
	return other
}

// A service's key is replaced. What it signs from now on counts; what it signed before is proved by the old public key,
// if somebody kept it, and nobody is let in with that one.
func TestR52_ReplacedServiceKey(t *testing.T) {
	p := onSQLite(t)
	w := newWorld(t, p, asItIs)
	w.ship(module.Auth, signIn(id.New("acc")))
	w.ship(module.Auth, signIn(id.New("acc")))
	w.Stop()
	old := read(t, filepath.Join(p.keys, "auth.pub"))
	stolen := w.Services.Signer(module.Auth).Sign
	for _, file := range []string{"auth.pub", "auth.key"} {
		if err := os.Remove(filepath.Join(p.keys, file)); err != nil {
			t.Fatal(err)
		}
	}
	log := w.log(module.Auth)
	w = newWorld(t, p, asItIs)
	log.Sign = stolen
	refused := *log
	if got := w.send(module.Auth, refused.Shipment(t, signIn(""))); got.Status != 403 || !strings.Contains(got.Body, "was not signed by its service") {
		t.Errorf("signed with the old key: %d %s", got.Status, got.Body)
	}
	log.Sign = w.Services.Signer(module.Auth).Sign
	w.logs[module.Auth] = log
	w.ship(module.Auth, signIn(id.New("acc")))
	w.Stop()
	names(t, p, "without the old key", 1, "the key of auth didn't sign")
	write(t, filepath.Join(p.keys, "auth.pub.1"), old)
	w.mustVerify(3)
	write(t, filepath.Join(p.keys, "auth.pub.2"), "no key")
	if out, err := verifies(t, p); err == nil || !strings.Contains(out, "an older key of service auth") {
		t.Errorf("with a file that is no key: %v\n%s", err, out)
	}
}
