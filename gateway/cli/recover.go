package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"centinela/openapi/gen/gatewayclient"
	"centinela/openapi/sdk"
)

// Recover is the way back into an account, step by step, for whoever lost the
// password. What it prints is in Spanish or English.
type Recover struct {
	Start    RecoverStart    `cmd:"" help:"Start one; its id and secret go into --file."`
	Status   RecoverStatus   `cmd:"" help:"Say where it stands, why, until when, and what would shorten it."`
	Code     RecoverCode     `cmd:"" help:"Have a code sent."`
	Evidence RecoverEvidence `cmd:"" help:"Bring a code of a text, or a saved code."`
	Complete RecoverComplete `cmd:"" help:"Set the new password, which is the first line of the standard input."`
}

// recoverFlags say which recovery, and in which language to speak of it.
type recoverFlags struct {
	File string `default:"./recovery.json" type:"path" placeholder:"FILE" help:"Where the recovery's id and secret are kept (${default}); whoever reads it can go on with it."`
	Lang string `env:"LC_ALL,LC_MESSAGES,LANG" placeholder:"es|en" help:"Language of what is printed; else that of the environment."`
}

// kept is what the file holds.
type kept struct {
	URL    string `json:"url"`
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// language is es or en.
func (f recoverFlags) language() string {
	if strings.HasPrefix(strings.ToLower(f.Lang), "es") {
		return "es"
	}
	return "en"
}

func (f recoverFlags) client(url string) (*sdk.Client, error) {
	client, err := sdk.New(url, sdk.WithUserAgent("centinela-cli/1"), sdk.WithLanguage(f.language()))
	if err != nil {
		return nil, fmt.Errorf("%w: --url: %w", ErrUsage, err)
	}
	return client, nil
}

// recovery is the one in the file.
func (f recoverFlags) recovery() (*sdk.Recovery, error) {
	text, err := os.ReadFile(f.File)
	if err != nil {
		return nil, fmt.Errorf("%w: no recovery in %s: begin with `centinela recover start NAME`, or name its file with --file", ErrUsage, f.File)
	}
	var k kept
	if json.Unmarshal(text, &k) != nil || k.ID == "" || k.Secret == "" {
		return nil, fmt.Errorf("%w: %s holds no recovery", ErrUsage, f.File)
	}
	client, err := f.client(k.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: %s holds no recovery", ErrUsage, f.File)
	}
	return client.ResumeRecovery(k.ID, k.Secret), nil
}

// step makes one call about the recovery, and prints where it stands then, also
// when the call is refused.
func (f recoverFlags) step(out io.Writer, call func(*sdk.Recovery) (sdk.RecoveryStatus, error)) error {
	r, err := f.recovery()
	if err != nil {
		return err
	}
	status, err := call(r)
	w := wordsOf[f.language()]
	var p *sdk.Problem
	if !errors.As(err, &p) {
		if err != nil {
			return err
		}
		return w.print(out, status)
	}
	if said, ok := w.refusals[p.Code]; ok {
		err = fmt.Errorf("%s (%s, request %s)", said, p.Code, p.RequestID)
	}
	if p.Recovery != nil {
		err = errors.Join(w.print(out, *p.Recovery), err)
	}
	return err
}

// RecoverStart starts a recovery.
type RecoverStart struct {
	recoverFlags `embed:""`

	URL  string `default:"http://127.0.0.1:8080" placeholder:"URL" help:"Public address of the suite (${default})."`
	Name string `arg:"" help:"The user name. The answer is the same whether there is such an account or not."`
}

// Run prints where it stands.
func (s RecoverStart) Run(ctx context.Context, out io.Writer) error {
	client, err := s.client(s.URL)
	if err != nil {
		return err
	}
	// Before the call: a recovery whose secret can't be kept is lost. One that is in
	// the file already may be in the middle of its wait.
	file, err := os.OpenFile(s.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("%w: the recovery can't be kept in %s (one that is there is not overwritten): %w", ErrUsage, s.File, err)
	}
	r, status, err := client.StartRecovery(ctx, s.Name)
	if err == nil {
		err = json.NewEncoder(file).Encode(kept{URL: s.URL, ID: r.ID, Secret: r.Secret})
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(s.File))
	}
	return wordsOf[s.language()].print(out, status)
}

// RecoverStatus looks where it stands.
type RecoverStatus struct {
	recoverFlags `embed:""`
}

// Run prints where it stands.
func (s RecoverStatus) Run(ctx context.Context, out io.Writer) error {
	return s.step(out, func(r *sdk.Recovery) (sdk.RecoveryStatus, error) { return r.State(ctx) })
}

// RecoverCode has a code sent.
type RecoverCode struct {
	recoverFlags `embed:""`

	Number string `placeholder:"+51…" help:"To this number, typed in full; else to the oldest that may recover."`
}

// Run prints where it stands then.
func (c RecoverCode) Run(ctx context.Context, out io.Writer) error {
	return c.step(out, func(r *sdk.Recovery) (sdk.RecoveryStatus, error) { return r.SendCode(ctx, c.Number) })
}

// RecoverEvidence brings an evidence.
type RecoverEvidence struct {
	recoverFlags `embed:""`

	Method string `arg:"" enum:"sms,saved_code" help:"sms or saved_code."`
	Code   string `arg:"" optional:"" help:"The code, as it stands in the text or on the paper. Without it, it is the first line of the standard input, which other users of this machine don't see."`
}

// Run prints where it stands then.
func (e RecoverEvidence) Run(ctx context.Context, out io.Writer, in io.Reader) error {
	if e.Code == "" {
		var err error
		if e.Code, err = firstLine(in, "the code"); err != nil {
			return err
		}
	}
	return e.step(out, func(r *sdk.Recovery) (sdk.RecoveryStatus, error) {
		return r.Evidence(ctx, gatewayclient.EvidenceMethod(e.Method), e.Code)
	})
}

// RecoverComplete sets the password.
type RecoverComplete struct {
	recoverFlags `embed:""`
}

// Run prints where it stands then.
func (c RecoverComplete) Run(ctx context.Context, out io.Writer, in io.Reader) error {
	password, err := firstLine(in, "the new password")
	if err != nil {
		return err
	}
	return c.step(out, func(r *sdk.Recovery) (sdk.RecoveryStatus, error) { return r.Complete(ctx, password) })
}

// firstLine reads what is secret. Error: ErrUsage, which names what is missing.
func firstLine(in io.Reader, what string) (string, error) {
	text, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	line := strings.TrimRight(text, "\r\n")
	if (err != nil && !errors.Is(err, io.EOF)) || line == "" {
		return "", fmt.Errorf("%w: give %s as the first line of the standard input", ErrUsage, what)
	}
	return line, nil
}
