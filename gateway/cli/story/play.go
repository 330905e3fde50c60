package story

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"centinela/openapi/sdk"
)

// Options of a play.
type Options struct {
	// URL of the suite, like http://127.0.0.1:8080.
	URL string
	// OperatorKey is the operator's key file; "" leaves the operator's step out.
	OperatorKey string
	// PasswordPrefix begins every password; "" for one that is good enough.
	PasswordPrefix string
	// Out gets a line for each step; nil for none.
	Out io.Writer
	// Patience is how long a verdict may take to reach the gateway; 0 is the
	// second that is promised. A test server that is no database of production
	// may need more.
	Patience time.Duration
	// Kill, if given, is called before each step but the first, with the step's
	// title: the end-to-end tests kill and restart services there.
	Kill func(step string) error
}

// ErrDiffers is what a step fails with when the suite did something else than
// the story says.
var ErrDiffers = errors.New("the suite differs from the story")

const (
	prefix = "quipu volcano marmalade"
	// promised is how soon a verdict is in force.
	promised = time.Second
	// stepTime bounds a step.
	stepTime = 90 * time.Second
)

// play is a story that is being played.
type play struct {
	opts     Options
	dev      sdk.Dev
	suffix   string
	seen     map[string]bool // texts that were looked at
	ana, ben *person
	stranger *sdk.Client
	phoneA   *phone
	phoneB   *phone
	talk     *talk

	recovery     *sdk.Recovery // the one that runs
	recoveryCode string        // what phone A got for it
	oldSession   *sdk.Session  // from before the last reset
	oldPassword  string
}

// step is one of the story's. Its title says what is checked.
type step struct {
	title string
	act   func(context.Context) error
}

// Play plays the story to its end, or to the first step that differs. Names,
// numbers and addresses are random, so that it can be played again and again.
func Play(ctx context.Context, opts Options) error {
	if opts.Patience <= 0 {
		opts.Patience = promised
	}
	if opts.Out == nil {
		opts.Out = io.Discard
	}
	if opts.PasswordPrefix == "" {
		opts.PasswordPrefix = prefix
	}
	p, err := begin(ctx, opts)
	if err != nil {
		return err
	}
	defer p.end()
	steps := p.steps()
	for i, s := range steps {
		if i > 0 && opts.Kill != nil {
			if err := opts.Kill(s.title); err != nil {
				return fmt.Errorf("before step %d (%s): %w", i+1, s.title, err)
			}
		}
		within, cancel := context.WithTimeout(ctx, stepTime)
		err := s.act(within)
		cancel()
		if err != nil {
			fmt.Fprintf(opts.Out, "%2d ✗ %s\n     %v\n", i+1, s.title, err)
			return fmt.Errorf("step %d of %d (%s): %w", i+1, len(steps), s.title, err)
		}
		fmt.Fprintf(opts.Out, "%2d ✓ %s\n", i+1, s.title)
	}
	return nil
}

// begin meets the suite and the people.
func begin(ctx context.Context, opts Options) (*play, error) {
	p := &play{opts: opts, suffix: letters(8), seen: map[string]bool{}}
	var err error
	if p.ana, err = p.person("ana", v4("203.0.113")); err != nil {
		return nil, err
	}
	if p.ben, err = p.person("ben", v4("198.51.100")); err != nil {
		return nil, err
	}
	if p.stranger, err = p.client(v6()); err != nil {
		return nil, err
	}
	p.dev = p.ana.client.Dev()
	p.phoneA, p.phoneB = &phone{number: mobile()}, &phone{number: mobile()}
	clock, err := p.dev.Clock(ctx)
	switch {
	case sdk.HasCode(err, sdk.CodeRefusedByFirewall):
		return nil, fmt.Errorf("the firewall of the suite at %s refuses an address that the story pretends to come from: lift that verdict (centinela firewall list, centinela firewall remove ID): %w", opts.URL, err)
	case err != nil:
		return nil, fmt.Errorf("no suite in the development profile answers at %s: %w", opts.URL, err)
	}
	fmt.Fprintf(opts.Out, "Centinela at %s, where it is %s. ana is %s, ben is %s.\n", opts.URL, clock.Now.Format("2 January 2006 15:04"), p.ana.name, p.ben.name)
	return p, nil
}

func (p *play) end() {
	if p.talk != nil {
		p.talk.close()
	}
	for _, c := range []*sdk.Client{p.ana.client, p.ben.client, p.stranger} {
		c.CloseIdle()
	}
}

func (p *play) steps() []step {
	steps := []step{
		{"ana and ben sign up, and get 4 saved codes each", p.signUp},
		{"both sign in, each from a device of their own", p.signIn},
		{"ana adds phone A and proves it with its code: trusted at once, the oldest", p.firstPhone},
		{"a year passes: her tokens have expired, and she signs in again", p.yearPasses},
		{"ana adds and proves phone B: quarantined, without power over others", p.secondPhone},
		{"ana proves phone A again: a year of seniority, and live", p.proveAgain},
		{"a refresh rotates the tokens; the spent one, used by a thief, ends the session within a second", p.refresh},
		{"ana lists her sessions and revokes one: dead within a second, the other lives", p.revoke},
		{"ana and ben chat over the socket: stored before accepted, numbered 1, 2, 3, … for both", p.chat},
		{"the same client_id again answers the same number, and arrives once", p.sameMessage},
		{"ben's connection is cut: he resumes, nothing is lost, nothing doubled", p.cut},
		{"31 days pass: phone B is trusted now, both sign in from where they are known", p.monthPasses},
		{"a stranger learns nothing: ana's name and an unknown one look the same, byte for byte", p.sameForStrangers},
		{"ana forgot her password: the code goes to the oldest number, A, and not to B", p.codeToOldest},
		{"A's code and a saved code, known device and place: ready at once, the new password is set", p.recoverAtOnce},
		{"the old sessions are dead, the old password is refused, the new one works", p.oldIsDead},
		{"31 days pass, ana proves A once more", p.anotherMonth},
		{"a thief with phone A alone has to wait 72 h, which is announced to B", p.waitAlone},
		{"B answers NO: the recovery is vetoed, and can't be completed", p.veto},
		{"30 days later, when one proof may do again, ana has nothing but phone A: after the announced 72 h, and not 10 minutes earlier, she is in", p.recoverAfterWait},
		{"ana's activity shows all of it", p.activity},
		{"a forged frame (0x52) is refused 3 times and recorded, then its address is refused", p.forgedFrames},
	}
	if p.opts.OperatorKey != "" {
		steps = append(steps, step{"an operator refuses an address within a second, and lifts it within a second", p.operator})
	}
	return steps
}
