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

// explain says what an answer of the suite means to whoever typed the command.
func (f operatorFlags) explain(err error) error {
	var p *sdk.Problem
	switch {
	case !errors.As(err, &p):
		return err
	case p.Code == sdk.CodeUnauthenticated || p.Code == sdk.CodeForbidden:
		return fmt.Errorf("the suite at %s doesn't take the key in %s: it must be operator.key of its key_dir, and its clock must agree with this machine's (%w)", f.URL, f.Key, err)
	case p.Code == sdk.CodeRefusedByFirewall:
		return fmt.Errorf("the firewall of the suite at %s refuses this machine's address: ask from another one (%w)", f.URL, err)
	case len(p.Errors) == 1 && p.Errors[0].Pointer == "/force":
		return fmt.Errorf("%w: that %s", ErrUsage, strings.Replace(p.Errors[0].Detail, "set force", "add --force", 1))
	}
	return err
}

// longestVerdict is what the specification allows, in hours: 365 days.
const longestVerdict = 8760 * time.Hour

// FirewallAdd adds a verdict.
type FirewallAdd struct {
	operatorFlags `embed:""`

	What   []string      `arg:"" optional:"" name:"subject" help:"[KIND] SUBJECT, or two of them: then both must be there. The kind (ip, prefix, account, session, device) is guessed from an address, a prefix or an id."`
	Action string        `enum:"allow,challenge,throttle,refuse" default:"refuse" help:"allow, challenge, throttle or refuse (${default}). An allowance on an address lets nobody in whose account, session or device is refused."`
	For    time.Duration `default:"10m" help:"How long it lasts, 1s to 8760h, which is a year (${default})."`
	Reason string        `help:"Why; it is recorded, and shown to whoever is refused."`
	Force  bool          `help:"Also where it would lock operators out: loopback, a declared proxy, your own address."`
}

// Run prints the verdict's id.
func (f FirewallAdd) Run(ctx context.Context, out io.Writer) error {
	subjects, err := f.check()
	if err != nil {
		return err
	}
	op, err := f.operator()
	if err != nil {
		return err
	}
	seconds := int(f.For / time.Second)
	v, err := op.AddVerdict(ctx, sdk.NewVerdict{
		Subjects: subjects, Action: gatewayclient.VerdictAction(f.Action), TtlSeconds: &seconds, Reason: f.Reason, Force: &f.Force,
	})
	if err != nil {
		return f.explain(err)
	}
	if _, err := fmt.Fprintf(out, "%s: %s %s until %s\n", v.Id, v.Action, said(v.Subjects), v.Until.Format(time.RFC3339)); err != nil {
		return err
	}
	return adviseIPv6(out, v.Subjects)
}

// check finds all that is wrong with what was typed.
func (f FirewallAdd) check() ([]sdk.Subject, error) {
	subjects, err := subjectsOf(f.What)
	problems := []string{}
	if err != nil {
		problems = append(problems, err.Error())
	}
	if f.Reason == "" {
		problems = append(problems, "say why with --reason")
	}
	if f.For < time.Second || f.For > longestVerdict {
		problems = append(problems, fmt.Sprintf("--for must be from 1s to %dh (365 days)", longestVerdict/time.Hour))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrUsage, strings.Join(problems, "; "))
	}
	return subjects, nil
}

// adviseIPv6 says what one IPv6 address is worth: a customer of any provider has a
// /64 at least, and takes the next address of it (RFC 6177).
func adviseIPv6(out io.Writer, subjects []sdk.Subject) error {
	for _, s := range subjects {
		addr, err := netip.ParseAddr(s.Value)
		if s.Kind != "ip" || err != nil || !addr.Is6() || addr.Is4In6() || addr.IsLoopback() {
			continue
		}
		whole, err := addr.Prefix(64)
		if err != nil {
			return err
		}
		if _, err = fmt.Fprintf(out, "That is one of the 2^64 addresses that its owner has: to mean the owner, name %s.\n", whole); err != nil {
			return err
		}
	}
	return nil
}

// subjectsOf takes SUBJECT, whose kind shows, or KIND SUBJECT, once or twice.
func subjectsOf(args []string) (subjects []sdk.Subject, err error) {
	const kinds = "ip, prefix, account, session or device"
	given := strings.Join(args, " ")
	for len(args) > 0 {
		subject := sdk.Subject{Kind: gatewayclient.SubjectKind(args[0])}
		switch {
		case subject.Kind.Valid() && len(args) > 1:
			subject.Value, args = args[1], args[2:]
		case guess(args[0]) != "":
			subject, args = sdk.Subject{Kind: guess(args[0]), Value: args[0]}, args[1:]
		case len(args) > 1:
			return nil, fmt.Errorf("%q is no kind: %s", args[0], kinds)
		default:
			return nil, fmt.Errorf("%q is neither an address, a prefix nor an id: put its kind in front of it (%s)", args[0], kinds)
		}
		subjects = append(subjects, subject)
	}
	switch len(subjects) {
	case 0:
		return nil, errors.New("name whom: an address, a prefix or an id, with its kind in front where it doesn't show (" + kinds + ")")
	case 1, 2:
		return subjects, nil
	}
	return nil, fmt.Errorf("one subject, or two that are joined: not %q", given)
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

// Run prints a table, or JSON lines.
func (f FirewallList) Run(ctx context.Context, out io.Writer) error {
	op, err := f.operator()
	if err != nil {
		return err
	}
	table, lines := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), json.NewEncoder(out)
	listed := 0
	for v, err := range op.Verdicts(ctx) {
		if err != nil {
			return f.explain(err)
		}
		if f.JSON {
			if err := lines.Encode(v); err != nil {
				return err
			}
			continue
		}
		if listed++; listed == 1 {
			fmt.Fprintln(table, "ID\tACTION\tSUBJECT\tUNTIL\tSOURCE\tREASON")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", v.Id, v.Action, said(v.Subjects), v.Until.Format(time.RFC3339), v.Source, v.Reason)
	}
	if err := table.Flush(); err != nil || f.JSON {
		return err
	}
	if listed == 0 {
		fmt.Fprintln(out, "no verdicts in force")
	}
	return nil
}

// FirewallRemove lifts a verdict.
type FirewallRemove struct {
	operatorFlags `embed:""`

	ID string `arg:"" help:"The verdict's id, vrd_…."`
}

// Run says that it is lifted.
func (f FirewallRemove) Run(ctx context.Context, out io.Writer) error {
	op, err := f.operator()
	if err != nil {
		return err
	}
	if err := op.RemoveVerdict(ctx, f.ID); err != nil {
		return f.explain(err)
	}
	_, err = fmt.Fprintf(out, "%s: lifted\n", f.ID)
	return err
}
