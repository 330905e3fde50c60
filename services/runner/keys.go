package runner

import (
	"fmt"
	"os"
	"path/filepath"

	"centinela/services/audit"
	"centinela/services/auth"
	"centinela/services/recovery"
	"centinela/shared/module"
	"centinela/shared/secret"
)

// makeKeys makes sure that each target has its service key. Development makes
// them, and the operator's; production wants them made by `centinela keys`.
func makeKeys(cfg Config, targets []string) error {
	development := cfg.Profile == Development
	names := targets
	if development {
		names = append([]string{module.Operator}, targets...)
		if err := os.MkdirAll(cfg.KeyDir, 0o700); err != nil {
			return fmt.Errorf("key_dir: cannot make %s: %w", cfg.KeyDir, rootCause(err))
		}
	}
	for _, name := range names {
		if _, err := secret.LoadSigner(keyFile(cfg.KeyDir, name), development); err != nil {
			return fmt.Errorf("key_dir: %w (make the keys with `centinela keys %s`)", err, cfg.KeyDir)
		}
	}
	return nil
}

// MakeKeys writes every key that the production profile wants into dir: a key
// pair for each service and the operator, and the services' own secrets. Files
// that exist are left alone. It returns the secret files.
func MakeKeys(dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make %s: %w", dir, rootCause(err))
	}
	var made []string
	for _, name := range append([]string{module.Operator}, order[:]...) {
		path := keyFile(dir, name)
		if _, err := secret.LoadSigner(path, true); err != nil {
			return nil, err
		}
		made = append(made, path)
	}
	for _, own := range []func(string) ([]string, error){audit.MakeKeys, auth.MakeKeys, recovery.MakeKeys} {
		files, err := own(dir)
		if err != nil {
			return nil, err
		}
		made = append(made, files...)
	}
	return made, nil
}

func keyFile(dir, name string) string { return filepath.Join(dir, name+".key") }
