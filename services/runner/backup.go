package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"centinela/services/audit"
	"centinela/services/runner/backup"
	"centinela/shared/clock"
	"centinela/shared/module"
	"centinela/shared/outbox"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

// Backup copies keys, databases and what else can't be made anew into dir, while
// the suite works on. With MongoDB the databases are left out. version is
// centinela's. say gets lines of progress.
func Backup(ctx context.Context, cfg Config, version, dir string, say func(line string)) error {
	places, err := cfg.places()
	if err != nil {
		return err
	}
	m := backup.Manifest{Version: version, Time: clock.Real().Now(), Engine: cfg.Store.Engine}
	if err := backup.Write(ctx, dir, m, places, say); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// Restore puts a backup into the data and key folders of cfg, which must be empty,
// and makes its sources begin new logs. Errors: backup.Restore's; nothing has
// changed then.
func Restore(ctx context.Context, cfg Config, dir string, say func(line string)) error {
	target := backup.Target{
		Engine: cfg.Store.Engine, Roots: []string{cfg.DataDir}, Place: cfg.place,
		Prepare: beginAnew,
	}
	if inside, err := filepath.Rel(cfg.DataDir, cfg.KeyDir); err != nil || strings.HasPrefix(inside, "..") {
		target.Roots = append(target.Roots, cfg.KeyDir)
	}
	if err := backup.Restore(ctx, dir, target, say); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// beginAnew gives each restored database's log a new name, and tells the record why:
// a number that was given after the backup, and that audit may have seen, is never
// given again. What the restored record doesn't hold yet is shipped under the new name.
func beginAnew(ctx context.Context, databases []backup.Place) error {
	held, err := recorded(ctx, databases)
	if err != nil {
		return err
	}
	for _, place := range databases {
		if err := beginLog(ctx, place, held); err != nil {
			return fmt.Errorf("%s: %w", place.Name, err)
		}
	}
	return nil
}

// recorded is how far audit's database, if it is among them, has each source.
func recorded(ctx context.Context, databases []backup.Place) (held map[string]record.Head, err error) {
	i := slices.IndexFunc(databases, func(p backup.Place) bool { return serviceOf(p) == module.Audit })
	if i < 0 {
		return map[string]record.Head{}, nil
	}
	db, err := sqlitex.Open(ctx, databases[i].Path, databases[i].Schema)
	if err != nil {
		return nil, err
	}
	held, err = audit.Heads(ctx, db)
	return held, errors.Join(err, db.Close())
}

func beginLog(ctx context.Context, place backup.Place, held map[string]record.Head) error {
	db, err := sqlitex.Open(ctx, place.Path, place.Schema)
	if err != nil {
		return err
	}
	notice := record.New(clock.Real().Now(), serviceOf(place), record.AuditGap, record.Failure, record.Origin{})
	notice.Reason = "the databases were restored from a backup: what happened after it is lost, and this log goes on under a new name"
	return errors.Join(forget(ctx, db, serviceOf(place), held), db.Renew(ctx, notice), db.Close())
}

// forget moves the log's cursor to what the record holds of it.
func forget(ctx context.Context, log outbox.Log, service string, held map[string]record.Head) error {
	instance, cursor, err := log.Shipped(ctx)
	if err != nil {
		return err
	}
	head := held[service+"/"+instance]
	has, err := outbox.Holds(ctx, log, cursor, head)
	if err != nil || !has {
		return err
	}
	return log.Trim(ctx, head)
}

func serviceOf(place backup.Place) string {
	service, _, _ := strings.Cut(place.Name, "/")
	return service
}

const (
	keysFolder   = "keys/" // in a backup
	devClockFile = "dev-clock"
)

// places are what a backup holds, in the order in which it is taken: keys, then the
// parts in the order in which they stop.
func (c Config) places() ([]backup.Place, error) {
	var places []backup.Place
	files, err := os.ReadDir(c.KeyDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("key_dir: %w", err)
	}
	for _, f := range files {
		if isKey(f.Name()) {
			places = append(places, backup.Place{Name: keysFolder + f.Name(), Path: filepath.Join(c.KeyDir, f.Name())})
		}
	}
	places = append(places, backup.Place{Name: devClockFile, Path: filepath.Join(c.DataDir, devClockFile)})
	for _, r := range slices.Backward(table) {
		own, err := c.placesOf(r)
		if err != nil {
			return nil, err
		}
		places = append(places, own...)
	}
	return places, nil
}

// placesOf are a part's: its plain files first, so that what vouches for the
// database (a checkpoint) is never ahead of it.
func (c Config) placesOf(r row) ([]backup.Place, error) {
	var places []backup.Place
	for _, name := range r.files {
		places = append(places, backup.Place{Name: r.name + "/" + name, Path: filepath.Join(c.DataDir, r.name, name)})
	}
	if r.schema == nil || c.OnMongoDB() {
		return places, nil
	}
	schema, err := r.schema()
	if err != nil {
		return nil, err
	}
	return append(places, backup.Place{Name: r.name + "/" + r.database(), Path: filepath.Join(c.DataDir, r.name, r.database()), Schema: schema}), nil
}

// isKey knows the files of a key folder: keys, public halves, and those of former
// keys (NAME.pub.1), without which audit can't verify what these signed.
func isKey(name string) bool {
	return strings.HasSuffix(name, ".key") || strings.HasSuffix(name, ".pub") || strings.Contains(name, ".pub.")
}

// place is where a file of a backup belongs.
func (c Config) place(name string) (backup.Place, bool) {
	if key, ok := strings.CutPrefix(name, keysFolder); ok {
		return backup.Place{Name: name, Path: filepath.Join(c.KeyDir, key)}, isKey(key) && !strings.Contains(key, "/")
	}
	places, err := c.places()
	if err != nil {
		return backup.Place{}, false
	}
	i := slices.IndexFunc(places, func(p backup.Place) bool { return p.Name == name })
	if i < 0 {
		return backup.Place{}, false
	}
	return places[i], true
}
