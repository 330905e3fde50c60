package config

import (
	"fmt"
	"slices"
	"strings"
)

// Options say where values come from; the defaults are what the sections hold.
type Options struct {
	File string   // YAML; "" for none
	Env  []string // as os.Environ gives it: NAME=value
	Set  []string // flags, each path=value
}

// Section is a struct that is filled: each field has a `yaml` tag with its name
// and, unless it is a struct, a `help` tag.
type Section struct {
	Path string // where it is mounted; "" for the root
	Help string // what the section is, in one line
	Into any    // a pointer to the struct, which holds the defaults
}

// The CLI's own variables, which are no keys of a config.
var (
	ownVariables = []string{"CENTINELA_CONFIG", "CENTINELA_DATA"}
	testPrefix   = "CENTINELA_TEST_"
)

// Loaded is a config that was loaded.
type Loaded struct{ schema *schema }

// Load fills the sections: file over defaults, environment over file, Set over
// environment. A list replaces the default list. The variable of auth.session.ttl
// is CENTINELA_AUTH_SESSION_TTL; variables that Kubernetes injects for a Service
// named centinela are left alone. The error is an Errors with every problem, each
// with its key and the line, variable or flag that it comes from, never with a
// value; the sections are then partly filled.
func Load(opts Options, sections ...Section) (*Loaded, error) {
	keys, err := newSchema(sections)
	if err != nil {
		return nil, err
	}
	var problems Errors
	if opts.File != "" {
		if err := readFile(keys, opts.File, &problems); err != nil {
			return nil, Errors{err}
		}
	}
	readEnv(keys, opts.Env, &problems)
	readSet(keys, opts.Set, &problems)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return &Loaded{schema: keys}, nil
}

// Each visits the keys in force, each with its text; a list gives one call an
// item, a secret its placeholder.
func (l *Loaded) Each(visit func(path, text string)) {
	for _, path := range l.schema.order {
		if key, ok := l.schema.leaves[path]; ok {
			for _, item := range key.texts() {
				visit(path, item)
			}
		}
	}
}

func readEnv(keys *schema, env []string, problems *Errors) {
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || strings.HasPrefix(name, testPrefix) || slices.Contains(ownVariables, name) {
			continue
		}
		path, known := keys.byEnv[name]
		switch {
		case known:
			problems.at(path, name, keys.leaves[path].setText(value))
		case kubernetes.MatchString(entry):
		default:
			problems.Add(name, "unknown environment variable"+nearest(name, keys.byEnv))
		}
	}
}

func readSet(keys *schema, set []string, problems *Errors) {
	for _, entry := range set {
		path, value, ok := strings.Cut(entry, "=")
		if !ok {
			// The text isn't named: it may be a secret whose path was forgotten.
			problems.Add("--set", "must be path=value")
			continue
		}
		_, section := keys.sections[path]
		switch key, known := keys.leaves[path]; {
		case known:
			problems.at(path, "--set", key.setText(value))
		case section:
			problems.Add("--set "+path, "is a section: name one key of it")
		default:
			problems.Add("--set "+path, "unknown key"+nearest(path, keys.leaves))
		}
	}
}

// at notes err with the key and where its value was written.
func (e *Errors) at(path, where string, err error) {
	e.AddErr(fmt.Sprintf("%s (%s)", path, where), err)
}
