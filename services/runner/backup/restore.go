package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"centinela/shared/sqlitex"
)

// Staging is the folder in a data folder where a restore stands until all of it was
// checked. Where it is found, a restore was interrupted.
const Staging = ".restoring"

// Target is where a restore puts what.
type Target struct {
	Engine string   // store.engine of the configuration
	Roots  []string // the data folder, and the key folder where it isn't in that one: all empty
	// Place says where the file of that name belongs, below one of the roots.
	Place func(name string) (Place, bool)
	// Prepare makes the databases ready for their services. Each has the path where it
	// stands aside; all were checked.
	Prepare func(ctx context.Context, databases []Place) error
}

// Restore checks the backup in dir and puts it into the target's roots, which must
// be new or empty. Errors are one line: dir holds no whole backup, a file is
// missing or isn't what the manifest says, a newer version made it, a root holds
// something. Nothing is changed then.
func Restore(ctx context.Context, dir string, t Target, say func(line string)) error {
	m, err := Read(dir)
	if err != nil {
		return err
	}
	if m.Engine != t.Engine {
		return fmt.Errorf("the backup in %s was made with store.engine %s, the configuration says %s", dir, m.Engine, t.Engine)
	}
	there := make([]bool, len(t.Roots))
	for i, root := range t.Roots {
		if there[i], err = empty(root); err != nil {
			return err
		}
	}
	if err := t.stageAll(ctx, dir, m, say); err != nil {
		for i, root := range t.Roots {
			err = errors.Join(err, os.RemoveAll(filepath.Join(root, Staging)))
			if !there[i] {
				_ = os.Remove(root) // it was made for this, and is empty again
			}
		}
		return err
	}
	// The data folder last: while a restore stands aside there, nothing starts.
	for _, root := range slices.Backward(t.Roots) {
		if err := settle(root); err != nil {
			return err
		}
	}
	return nil
}

// stageAll copies everything aside, and checks it.
func (t Target) stageAll(ctx context.Context, dir string, m Manifest, say func(line string)) error {
	for _, root := range t.Roots {
		if err := os.RemoveAll(filepath.Join(root, Staging)); err != nil { // of a restore that was interrupted
			return err
		}
	}
	var databases []Place
	for _, file := range m.Files {
		place, err := t.stage(ctx, dir, file, m.Version)
		if err != nil {
			return err
		}
		if place.Schema != nil {
			databases = append(databases, place)
		}
		if path.Ext(file.Name) == ".db" { // the others are small
			say(fmt.Sprintf("%s: %s", file.Name, size(file.Size)))
		}
	}
	return t.Prepare(ctx, databases)
}

// stage copies one file aside, and checks it. The place that it returns is there.
func (t Target) stage(ctx context.Context, dir string, file File, version string) (Place, error) {
	if err := ctx.Err(); err != nil {
		return Place{}, err
	}
	place, known := t.Place(file.Name)
	if !known || !fs.ValidPath(file.Name) || path.Clean(file.Name) != file.Name {
		return Place{}, fmt.Errorf("the backup in %s holds %q, which this version of centinela doesn't know (it was made by %s)", dir, file.Name, version)
	}
	to, err := t.aside(place.Path)
	if err != nil {
		return Place{}, err
	}
	copied, err := copyFile(file.Name, filepath.Join(dir, filepath.FromSlash(file.Name)), to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Place{}, fmt.Errorf("the backup in %s is incomplete: %s is missing", dir, file.Name)
	case errors.Is(err, fs.ErrExist):
		return Place{}, fmt.Errorf("%s in %s is damaged: it names %s twice", manifestName, dir, file.Name)
	case err != nil:
		return Place{}, err
	case copied != file:
		return Place{}, fmt.Errorf("the backup in %s is damaged: %s isn't what was written", dir, file.Name)
	case place.Schema == nil:
		return place, nil
	}
	if err := sqlitex.Fits(ctx, to, place.Schema); err != nil {
		return Place{}, fmt.Errorf("%s: %w", file.Name, err)
	}
	place.Path = to
	return place, nil
}

// aside is where a file waits: in the staging folder of its root.
func (t Target) aside(final string) (string, error) {
	for _, root := range t.Roots {
		if below, err := filepath.Rel(root, final); err == nil && below != ".." && !strings.HasPrefix(below, ".."+string(filepath.Separator)) {
			return filepath.Join(root, Staging, below), nil
		}
	}
	return "", fmt.Errorf("%s is in none of %s", final, strings.Join(t.Roots, ", "))
}

// settle moves what was staged into its root: renames within one file system, all
// of which were checked before.
func settle(root string) error {
	staging := filepath.Join(root, Staging)
	entries, err := os.ReadDir(staging)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing of this backup belongs there
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(staging, e.Name()), filepath.Join(root, e.Name())); err != nil {
			return err
		}
	}
	return errors.Join(os.Remove(staging), syncFolder(root))
}
