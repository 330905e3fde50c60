package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// Options say where values come from; the defaults are what into holds.
type Options struct {
	File string   // YAML; "" for none
	Env  []string // as os.Environ gives it: NAME=value
	Set  []string // flags, each path=value
}

// The CLI's own variables, which are no keys of a config.
var (
	ownVariables = []string{"CENTINELA_CONFIG", "CENTINELA_DATA"}
	testPrefix   = "CENTINELA_TEST_"
)

// Loaded is a config that was loaded.
type Loaded struct{ schema *schema }

// Load fills into, a pointer to a struct with koanf tags that holds the
// defaults: file over defaults, environment over file, Set over environment. A
// list replaces the default list, a map adds to the default map. The variable
// of auth.session.ttl is CENTINELA_AUTH_SESSION_TTL. The error is an Errors with
// every problem, each with its key or variable, never with a value; into is
// then partly filled.
func Load(opts Options, into any) (*Loaded, error) {
	keys, err := newSchema(into)
	if err != nil {
		return nil, err
	}
	var problems Errors
	layers := koanf.New(".")
	if opts.File != "" {
		if err := layers.Load(file.Provider(opts.File), strictYAML{yaml.Parser()}); err != nil {
			return nil, Errors{fileError(opts.File, err)}
		}
	}
	// Unknown names are found layer by layer, while it is known what was written.
	problems.walkUnknown(keys, "", layers.Raw())

	texts, origin := map[string]any{}, map[string]string{}
	readEnv(keys, opts.Env, texts, origin, &problems)
	readSet(keys, opts.Set, texts, origin, &problems)
	if err := layers.Load(confmap.Provider(texts, "."), nil); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	decode(keys, layers, origin, &problems)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return &Loaded{schema: keys}, nil
}

func readEnv(keys *schema, env []string, texts map[string]any, origin map[string]string, problems *Errors) {
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || strings.HasPrefix(name, testPrefix) || slices.Contains(ownVariables, name) {
			continue
		}
		path, ok := keys.byEnv[name]
		if !ok {
			problems.Add(name, "unknown environment variable"+nearest(name, keys.byEnv))
			continue
		}
		if keys.leaves[path].form == formTree {
			problems.Add(name, "can't be set by the environment: put "+path+" in the config file")
			continue
		}
		texts[path], origin[path] = value, name
	}
}

func readSet(keys *schema, set []string, texts map[string]any, origin map[string]string, problems *Errors) {
	for _, entry := range set {
		path, value, ok := strings.Cut(entry, "=")
		if !ok {
			// The text isn't named: it may be a secret whose path was forgotten.
			problems.Add("--set", "must be path=value")
			continue
		}
		found, known := keys.leaves[path]
		switch {
		case keys.sections[path]:
			problems.Add("--set "+path, "is a section: name one key of it")
		case !known:
			problems.Add("--set "+path, "unknown key"+nearest(path, keys.leaves))
		case found.form == formTree:
			problems.Add("--set "+path, "can't be set by a flag: put it in the config file")
		default:
			texts[path], origin[path] = value, "--set"
		}
	}
}

// walkUnknown reports the keys of a YAML tree that no field has.
func (e *Errors) walkUnknown(keys *schema, path string, tree map[string]any) {
	for _, key := range sortedKeys(tree) {
		full := join(path, key)
		switch _, known := keys.leaves[full]; {
		case strings.Contains(key, "."):
			e.Add(full, "unknown key: nest the parts, a key has no dots")
		case known:
		case !keys.sections[full]:
			e.Add(full, "unknown key"+nearest(full, keys.leaves))
		case tree[key] == nil: // a section of which every key is commented out
		default:
			below, ok := tree[key].(map[string]any)
			if !ok {
				e.Add(full, "is a section: must hold keys")
				continue
			}
			e.walkUnknown(keys, full, below)
		}
	}
}

func fileError(path string, err error) error {
	var syntax syntaxError
	if errors.As(err, &syntax) && syntax.line == 0 {
		return fmt.Errorf("%s: %s", path, syntax.message)
	}
	if errors.As(err, &syntax) {
		return fmt.Errorf("%s:%d: %s", path, syntax.line, syntax.message)
	}
	return fmt.Errorf("config file: %w", err)
}
