package objection

import (
	"cmp"
	"context"
	"slices"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/humantext"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// noes are the first words of an answer that objects, folded, in English and
// Spanish: one that is missed can cost the account (FR A4).
var noes = []string{
	"no", "nope", "not", "never", "stop", "reject", "deny", "cancel",
	"nunca", "jamas", "alto", "rechazo", "rechazar", "niego", "cancela", "cancelar",
}

// ByReply takes a text that came from a phone. NO with the word of a recovery
// ("NO 4821") objects to that one; NO alone objects when exactly one is open that
// isn't from a known device. What isn't understood is asked about, once a day and
// number. A number without a word (V4), a stranger's, and one of an account where
// nothing is open get no answer.
func (s *Service) ByReply(ctx context.Context, o record.Origin, from, body string) error {
	e164, _, err := wallet.ParseNumber(from)
	if err != nil {
		return nil //nolint:nilerr // a short code or a foreign format: nobody's number
	}
	mac := s.o.Wallets.NumberMAC(e164)
	wallets, err := s.o.Wallets.ByNumber(ctx, mac)
	if err != nil {
		return err
	}
	for _, w := range wallets {
		if err := s.replyFor(ctx, o, w, mac, body); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) replyFor(ctx context.Context, o record.Origin, w wallet.Wallet, mac, body string) error {
	now := s.o.Clock.Now()
	at := slices.IndexFunc(w.Numbers, func(n wallet.Number) bool { return n.MAC == mac && s.o.Policy.MayObject(w.Facts(), n.ID, now) })
	if at < 0 {
		return nil // V4
	}
	flows, err := s.o.Store.OpenFlows(ctx, w.Account, now)
	flows = slices.DeleteFunc(flows, func(f claim.Flow) bool { return !f.Stoppable(now) })
	if err != nil || len(flows) == 0 {
		return err
	}
	number := w.Numbers[at].ID
	if f, ok := s.meant(flows, number, body); ok {
		_, _, err := s.object(ctx, f.ID, number, "", o)
		return err
	}
	return s.askWhich(ctx, w.Account, number, flows, now)
}

// meant is the recovery that an answer objects to. A NO without a word isn't meant
// for a recovery from a known device, which is likely the owner's own.
func (s *Service) meant(flows []claim.Flow, number, body string) (f claim.Flow, ok bool) {
	if !slices.Contains(noes, humantext.ReplyWord(body)) {
		return f, false
	}
	word := humantext.ReplyDigits(body)
	var fit []claim.Flow
	for _, f := range flows {
		if word == s.o.Wallets.Word(f.ID, number) || word == "" && f.Lane != limits.LaneKnown {
			fit = append(fit, f)
		}
	}
	if len(fit) != 1 {
		return f, false
	}
	return fit[0], true
}

// askWhich asks for the word, once a day and number: it names the recovery that
// matters most, which is one from an unknown device in which somebody holds a
// number, the newest of these.
func (s *Service) askWhich(ctx context.Context, account, number string, flows []claim.Flow, now time.Time) error {
	f := slices.MaxFunc(flows, func(a, b claim.Flow) int {
		return cmp.Or(truer(a.Proved(), b.Proved()), truer(a.Lane != limits.LaneKnown, b.Lane != limits.LaneKnown), a.StartedAt.Compare(b.StartedAt))
	})
	return s.o.Wallets.Update(ctx, account, func(w *wallet.Wallet) (post.Effects, error) {
		n := w.Number(number)
		if n == nil {
			return post.Effects{}, nil
		}
		text, err := s.o.Wallets.Text(*n, post.Draft{
			Owner: account, Account: account, Purpose: post.Notice, Name: "which:" + now.Format(time.DateOnly),
			Body: secret.NewString(post.ObjectionToWhat.In(w.Locale, post.Moment(f.StartedAt), s.o.Wallets.Word(f.ID, number))), ExpiresAt: f.ExpiresAt,
		}, now)
		return post.Effects{Texts: []post.Text{text}}, err
	})
}

// truer compares two conditions: the one that holds is greater.
func truer(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
