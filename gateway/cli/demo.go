package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"centinela/gateway/cli/story"
)

// Demo plays the whole story against a running suite.
type Demo struct {
	URL            string `default:"http://127.0.0.1:8080" placeholder:"URL" help:"Public address of the suite, development profile (${default})."`
	OperatorKey    string `default:"./data/keys/operator.key" type:"path" placeholder:"FILE" help:"The operator's key file; without it, the operator's step is left out (${default})."`
	PasswordPrefix string `placeholder:"WORDS" help:"Begin every password with these words."`
}

// Run narrates on out.
func (d Demo) Run(ctx context.Context, out io.Writer) error {
	key := d.OperatorKey
	if _, err := os.Stat(key); err != nil {
		fmt.Fprintf(out, "No operator's key at %s: the operator's step is left out (--operator-key FILE).\n", key)
		key = ""
	}
	fmt.Fprintln(out, "This moves the suite's clock more than a year ahead, for everybody in its data folder and for good.")
	if err := story.Play(ctx, story.Options{URL: d.URL, OperatorKey: key, PasswordPrefix: d.PasswordPrefix, Out: out}); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "The whole story holds.")
	return err
}
