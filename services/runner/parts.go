package runner

import (
	"context"
	"io/fs"
	"slices"
	"strings"

	"centinela/gateway"
	"centinela/services/audit"
	"centinela/services/auth"
	chatrelay "centinela/services/chat-relay"
	"centinela/services/recovery"
	"centinela/shared/module"
	"centinela/shared/secret"
)

// section is a part's own configuration: a pointer to its Config.
type section interface{ Validate() error }

// row is all that the runner knows of one part.
type row struct {
	name string // in tokens, metrics and events, as a sub-command and a folder; its config key has _ for -
	help string // what the part is, in one line

	section func() section // its configuration with the defaults
	build   func(ctx context.Context, s section, deps module.Deps) (module.Module, error)

	// Where it listens when it runs alone on one machine: loopback ports.
	port, opsPort string
	// public says that its listener is the world's: gateway.listen, not services.NAME.listen.
	public bool
	// check finds what a start would stumble over, beyond keys, folders and ports.
	check func(s section) error

	keys   func() []secret.KeyFile // beside its service key
	schema func() (fs.FS, error)   // of its database NAME.db; nil for a part that keeps none
	files  []string                // what else of its data folder can't be made anew
}

// table is the parts, in the order of their start: who is called before who calls.
// They stop, and are copied, in the reverse order. A new part is a row.
var table = []row{
	{
		name: module.Audit, help: "The record, its rules, and the verdicts that follow.",
		section: sectionOf(audit.DefaultConfig), build: built(audit.New), port: "8084", opsPort: "9084",
		keys: audit.Keys, schema: audit.Schema, files: []string{"checkpoint.json"},
	},
	{
		name: module.Auth, help: "Accounts, credentials, sessions.",
		section: sectionOf(auth.DefaultConfig), build: built(auth.New), port: "8081", opsPort: "9081",
		keys: auth.Keys, schema: auth.Schema,
	},
	{
		name: module.Recovery, help: "Phone numbers, SMS, the way back in.",
		section: sectionOf(recovery.DefaultConfig), build: built(recovery.New), port: "8082", opsPort: "9082",
		keys: recovery.Keys, schema: recovery.Schema,
	},
	{
		name: module.ChatRelay, help: "The chat's socket, conversations and messages.",
		section: sectionOf(chatrelay.DefaultConfig), build: built(chatrelay.New), port: "8083", opsPort: "9083",
		schema: chatrelay.Schema,
	},
	{
		name: module.Gateway, help: "The public door: firewall, limits, authentication, validation.",
		section: sectionOf(gateway.DefaultConfig), build: built(gateway.New), opsPort: "9080",
		public: true, check: func(s section) error { return checkTLS(s.(*gateway.Config).TLS) },
	},
}

// sectionOf makes a section of a part's defaults.
func sectionOf[C any, P interface {
	*C
	section
}](defaults func() C,
) func() section {
	return func() section {
		c := defaults()
		return P(&c)
	}
}

// built gives a part's constructor its section.
func built[C any, M module.Module](construct func(context.Context, C, module.Deps) (M, error)) func(context.Context, section, module.Deps) (module.Module, error) {
	return func(ctx context.Context, s section, deps module.Deps) (module.Module, error) {
		return construct(ctx, *any(s).(*C), deps)
	}
}

// key is the part's in the configuration.
func (r row) key() string { return strings.ReplaceAll(r.name, "-", "_") }

// database is the embedded database's file in the part's folder.
func (r row) database() string { return r.name + ".db" }

// Part is one that can run alone.
type Part struct{ Name, Help string }

// Parts are in the order of their start.
func Parts() []Part {
	parts := make([]Part, len(table))
	for i, r := range table {
		parts[i] = Part{r.name, r.help}
	}
	return parts
}

// rows are those of a target: one part, or All. nil for an unknown one.
func rows(target string) []row {
	if target == All {
		return table
	}
	if i := slices.IndexFunc(table, func(r row) bool { return r.name == target }); i >= 0 {
		return table[i : i+1]
	}
	return nil
}
