package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"centinela/shared/sqlitex"
)

// tellEvery is how many pages of a database are copied between two lines of
// progress: 256 MiB.
const tellEvery = 256 << 20 / 4096

// held is a database whose moment is held until it is copied.
type held struct {
	place    Place
	to       string
	snapshot *sqlitex.Snapshot
}

// Write makes a backup of places in dir, which must be new or empty, while those
// who own them work on. Places that don't exist are left out. The order of places
// is the order of their moments. m says what the backup is; say gets lines of
// progress. Errors are one line; nothing is left in dir then.
func Write(ctx context.Context, dir string, m Manifest, places []Place, say func(line string)) (err error) {
	made, err := empty(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, clear(dir, made))
		}
	}()
	files, moments, err := hold(ctx, dir, places)
	defer func() {
		for _, h := range moments {
			err = errors.Join(err, h.snapshot.Close())
		}
	}()
	if err != nil {
		return err
	}
	for _, h := range moments {
		if err := h.snapshot.Copy(ctx, h.to, progress(h.place.Name, say)); err != nil {
			return fmt.Errorf("%s: %w", h.place.Name, err)
		}
		file, err := describe(h.place.Name, h.to)
		if err != nil {
			return err
		}
		say(fmt.Sprintf("%s: %s", file.Name, size(file.Size)))
		files = append(files, file)
	}
	if len(files) == 0 {
		return errors.New("there is nothing to back up: no databases and no keys (name the suite's data folder with --data or --config)")
	}
	if err := syncAll(dir, files); err != nil {
		return err
	}
	m.Format, m.Files = format, files
	return m.write(dir)
}

// hold copies the plain files and holds the databases' moments, in the order of places.
func hold(ctx context.Context, dir string, places []Place) (files []File, moments []held, err error) {
	for _, place := range places {
		to := filepath.Join(dir, filepath.FromSlash(place.Name))
		if place.Schema == nil {
			file, err := copyFile(place.Name, place.Path, to)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return files, moments, err
			}
			files = append(files, file)
			continue
		}
		snapshot, err := sqlitex.OpenSnapshot(ctx, place.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return files, moments, err
		}
		moments = append(moments, held{place, to, snapshot})
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return files, moments, err
		}
	}
	return files, moments, nil
}

// progress tells of a large database now and then.
func progress(name string, say func(string)) func(done, total int) {
	next := tellEvery
	return func(done, total int) {
		if done >= next && done < total {
			say(fmt.Sprintf("%s: %d %% of %s", name, 100*done/total, size(int64(total)*4096)))
			next = done + tellEvery
		}
	}
}

// size is for people.
func size(bytes int64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%d KiB", (bytes+1023)>>10)
	}
	return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
}

// syncAll makes the files' contents and names durable.
func syncAll(dir string, files []File) error {
	folders := map[string]bool{dir: true}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		folders[filepath.Dir(path)] = true
		if err := syncFolder(path); err != nil {
			return err
		}
	}
	for folder := range folders {
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// clear takes away what was begun in dir, and dir itself where it was made for it.
func clear(dir string, keep bool) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	if !keep {
		err = errors.Join(err, os.Remove(dir))
	}
	return err
}
