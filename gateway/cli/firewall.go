package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"centinela/openapi/gen/gatewayclient"
	"centinela/openapi/sdk"
)

// Firewall refuses or allows addresses, accounts and sessions.
type Firewall struct {
	Add    FirewallAdd    `cmd:"" help:"Add a verdict; it is in force within a second."`
	List   FirewallList   `cmd:"" help:"List the verdicts in force."`
	Remove FirewallRemove `cmd:"" help:"Lift a verdict."`
}

// Help shows examples below the verbs.
func (Firewall) Help() string {
	return "Examples:\n  centinela firewall add 203.0.113.7 --for 1h --reason \"scans the sign-in\"\n  centinela firewall add 2001:db8::/48 --for 24h --reason flood\n  centinela firewall add account acc_… --for 10m --reason \"asked by its owner\"\n  centinela firewall list\n  centinela firewall remove vrd_…"
}

// operatorFlags say where the suite is, and who asks.
type operatorFlags struct {
	URL string `default:"http://127.0.0.1:8080" placeholder:"URL" help:"Public address of the suite (${default})."`
	Key string `default:"./data/keys/operator.key" type:"path" placeholder:"FILE" help:"The operator's key file (${default})."`
}

func (f operatorFlags) operator() (*sdk.Operator, error) {
	client, err := sdk.New(f.URL, sdk.WithUserAgent("centinela-cli/1"))
	if err != nil {
		return nil, fmt.Errorf("%w: --url: %w", ErrUsage, err)
	}
	op, err := client.Operator(f.Key)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: no operator's key at %s: name it with --key (it is operator.key in the suite's key_dir)", ErrUsage, f.Key)
	}
	return op, err
}

// FirewallAdd adds a verdict.
type FirewallAdd struct {
	operatorFlags `embed:""`

	What   []string      `arg:"" name:"subject" help:"[KIND] SUBJECT, or two of them: then both must be there. The kind (ip, prefix, account, session, device) is guessed from an address, a prefix or an id."`
	Action string        `enum:"allow,challenge,throttle,refuse" default:"refuse" help:"allow, challenge, throttle or refuse (${default}). An allowance on an address lets nobody in whose account, session or device is refused."`
	For    time.Duration `default:"10m" help:"How long it lasts (${default})."`
	Reason string        `required:"" help:"Why; it is recorded, and shown to whoever is refused."`
}

// Help shows examples below the flags.
func (FirewallAdd) Help() string {
	return "Examples:\n  centinela firewall add 203.0.113.7 --reason \"scans the sign-in\"\n  centinela firewall add prefix 203.0.113.0/24 --for 1h --reason flood\n  centinela firewall add acc_… 203.0.113.0/24 --action throttle --reason \"tries codes\"\n  centinela firewall add ip 198.51.100.4 --action allow --for 720h --reason \"our office\""
}

// Run prints the verdict's id.
func (f FirewallAdd) Run(ctx context.Context, out io.Writer) error {
	subjects, err := subjectsOf(f.What)
	if err != nil {
		return err
	}
	if f.For < time.Second {
		return fmt.Errorf("%w: --for must be 1s or more", ErrUsage)
	}
	op, err := f.operator()
	if err != nil {
		return err
	}
	seconds := int(f.For / time.Second)
	v, err := op.AddVerdict(ctx, sdk.NewVerdict{
		Subjects: subjects, Action: gatewayclient.VerdictAction(f.Action), TtlSeconds: &seconds, Reason: f.Reason,
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %s %s until %s\n", v.Id, v.Action, said(v.Subjects), v.Until.Format(time.RFC3339))
	return err
}

// subjectsOf takes SUBJECT, whose kind shows, or KIND SUBJECT, once or twice.
func subjectsOf(args []string) (subjects []sdk.Subject, err error) {
	for len(args) > 0 {
		subject := sdk.Subject{Kind: gatewayclient.SubjectKind(args[0])}
		switch {
		case subject.Kind.Valid() && len(args) > 1:
			subject.Value, args = args[1], args[2:]
		case guess(args[0]) != "":
			subject, args = sdk.Subject{Kind: guess(args[0]), Value: args[0]}, args[1:]
		default:
			return nil, fmt.Errorf("%w: %q is neither an address, a prefix nor an id: put its kind in front of it (ip, prefix, account, session or device)", ErrUsage, args[0])
		}
		subjects = append(subjects, subject)
	}
	if len(subjects) == 0 || len(subjects) > 2 {
		return nil, fmt.Errorf("%w: want [KIND] SUBJECT, once or twice", ErrUsage)
	}
	return subjects, nil
}

// said is "account acc_… and ip 203.0.113.7".
func said(subjects []sdk.Subject) string {
	texts := make([]string, len(subjects))
	for i, s := range subjects {
		texts[i] = string(s.Kind) + " " + s.Value
	}
	return strings.Join(texts, " and ")
}

func guess(subject string) gatewayclient.SubjectKind {
	if _, err := netip.ParseAddr(subject); err == nil {
		return "ip"
	}
	if _, err := netip.ParsePrefix(subject); err == nil {
		return "prefix"
	}
	if len(subject) < 4 {
		return ""
	}
	return map[string]gatewayclient.SubjectKind{"acc_": "account", "ses_": "session"}[subject[:4]]
}

// FirewallList lists verdicts.
type FirewallList struct {
	operatorFlags `embed:""`

	JSON bool `help:"One JSON object a line."`
}

// Help shows examples below the flags.
func (FirewallList) Help() string {
	return "Examples:\n  centinela firewall list\n  centinela firewall list --json --url https://id.example.org --key /etc/centinela/keys/operator.key"
}

// Run prints a table, or JSON lines.
func (f FirewallList) Run(ctx context.Context, out io.Writer) error {
	op, err := f.operator()
	if err != nil {
		return err
	}
	table, lines := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), json.NewEncoder(out)
	n := 0
	for v, err := range op.Verdicts(ctx) {
		if err != nil {
			return err
		}
		n++
		if f.JSON {
			if err := lines.Encode(v); err != nil {
				return err
			}
			continue
		}
		if n == 1 {
			fmt.Fprintln(table, "ID\tACTION\tSUBJECT\tUNTIL\tSOURCE\tREASON")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", v.Id, v.Action, said(v.Subjects), v.Until.Format(time.RFC3339), v.Source, v.Reason)
	}
	if n == 0 && !f.JSON {
		fmt.Fprintln(table, "no verdicts in force")
	}
	return table.Flush()
}

// FirewallRemove lifts a verdict.
type FirewallRemove struct {
	operatorFlags `embed:""`

	ID string `arg:"" help:"The verdict's id, vrd_…."`
}

// Help shows an example below the flags.
func (FirewallRemove) Help() string { return "Example:\n  centinela firewall remove vrd_…" }

// Run says that it is lifted.
func (f FirewallRemove) Run(ctx context.Context, out io.Writer) error {
	op, err := f.operator()
	if err != nil {
		return err
	}
	if err := op.RemoveVerdict(ctx, f.ID); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: lifted\n", f.ID)
	return err
}
