package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"centinela/shared/config"
	"centinela/shared/module"
	"centinela/shared/secret"
)

// serviceKey signs the calls of a part, or of the operator.
func serviceKey(name string) secret.KeyFile {
	file := secret.KeyFile{
		Name: name + ".key", Pair: true, For: "signs the calls of " + name + " to the other parts",
		Lost: "nothing: delete both halves, make new ones, and give everybody the new .pub",
	}
	if name == module.Operator {
		file.For = "signs an operator's commands: keep it where operators work, not with the parts"
	}
	return file
}

// keyFiles are those that a part reads, its service key first.
func (r row) keyFiles() []secret.KeyFile {
	files := []secret.KeyFile{serviceKey(r.name)}
	if r.keys != nil {
		files = append(files, r.keys()...)
	}
	return files
}

// allKeys are the operator's and everybody's.
func allKeys() []secret.KeyFile {
	files := []secret.KeyFile{serviceKey(module.Operator)}
	for _, r := range table {
		files = append(files, r.keyFiles()...)
	}
	return files
}

// MakeKeys writes every key that the production profile wants into dir: a key
// pair for each service and the operator, and the services' own secrets. Files
// that exist are left alone. It returns what is there.
func MakeKeys(dir string) ([]secret.KeyFile, error) {
	files := allKeys()
	for _, file := range files {
		if err := file.Load(dir, true); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// makeKeys makes what is missing of the targets' service keys, and the operator's:
// development only. The parts make their own.
func makeKeys(dir string, targets []row) error {
	names := []string{module.Operator}
	for _, r := range targets {
		names = append(names, r.name)
	}
	for _, name := range names {
		if err := serviceKey(name).Load(dir, true); err != nil {
			return fmt.Errorf("key_dir: %w", err)
		}
	}
	return nil
}

// checkKeys finds every key file of the targets that is missing, where nobody will
// make it, or that can't be used. In production each part also has everybody's
// public keys: without one of them that caller is refused, much later.
func (c Config) checkKeys(targets []row, errs *config.Errors) {
	var missing []string
	note := func(name string, err error) {
		switch {
		case err == nil:
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
		default:
			errs.AddErr("key_dir", err)
		}
	}
	for _, r := range targets {
		for _, file := range r.keyFiles() {
			note(file.Name, file.Load(c.KeyDir, false))
		}
	}
	if c.Profile == Production {
		for _, r := range table {
			note(r.name+".pub", readPublic(c.KeyDir, r.name))
		}
		note(module.Operator+".pub", readPublic(c.KeyDir, module.Operator))
	}
	switch {
	case len(missing) == 0:
	case c.Profile == Production:
		errs.Add("key_dir", fmt.Sprintf("no %s in %s (make the keys with `centinela keys %s`)", strings.Join(missing, ", "), c.KeyDir, c.KeyDir))
	default:
		if err := probeFolder(c.KeyDir); err != nil {
			errs.AddErr("key_dir", fmt.Errorf("cannot make keys in %s: %w", c.KeyDir, err))
		}
	}
}

func readPublic(dir, name string) error {
	_, err := secret.LoadPublic(filepath.Join(dir, name+".pub"))
	return err
}

// probeFolder says why dir can't be written to, or can't be made.
func probeFolder(dir string) error {
	at := dir
	for {
		info, err := os.Stat(at)
		if errors.Is(err, fs.ErrNotExist) && filepath.Dir(at) != at {
			at = filepath.Dir(at)
			continue
		}
		if err != nil {
			return rootCause(err)
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is not a directory", at)
		}
		break
	}
	probe, err := os.MkdirTemp(at, ".centinela-probe-*")
	if err != nil {
		return rootCause(err)
	}
	return os.Remove(probe)
}
