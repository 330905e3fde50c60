package recovery

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/shared/secret"
)

const purposeCode = "code"

// newText seals one text to a number. name makes its id: the same name for the
// same number is the same text, and is written once.
func (s *Service) newText(owner, account string, n Number, purpose, name string, body secret.String, now time.Time) (Text, error) {
	e164, err := s.openNumber(n)
	if err != nil {
		return Text{}, err
	}
	sum := sha256.Sum256([]byte(owner + "|" + n.ID + "|" + name))
	id := "txt_" + hex.EncodeToString(sum[:])[:32]
	return Text{
		ID: id, Owner: owner, Purpose: purpose, Account: account, Number: n.ID,
		To:   s.Key.Seal([]byte(e164), []byte(id+":to")),
		Body: s.Key.Seal([]byte(body.Reveal()), []byte(id+":body")), State: TextPending, CreatedAt: now, NextAt: now,
	}, nil
}

// codeText is a code on its way. It is not sent any more once the code has expired.
func (s *Service) codeText(owner, account, locale string, n Number, body phrase, codeID string, code secret.String, now time.Time) (Text, error) {
	said := secret.NewString(body.in(locale)(code.Reveal()) + "\n\n@" + s.OriginHost + " #" + code.Reveal())
	text, err := s.newText(owner, account, n, purposeCode, codeID, said, now)
	text.ExpiresAt = now.Add(codeTTL)
	return text, err
}

// notices tell all numbers with power (trusted and retiring) except one.
func (s *Service) notices(w *Wallet, owner, except string, body phrase, name string, now time.Time) ([]Text, error) {
	var texts []Text
	for _, n := range s.powerful(w, now) {
		if n.ID == except {
			continue
		}
		text, err := s.newText(owner, w.Account, n, "notice", name, secret.NewString(body.in(w.Locale)("")), now)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// powerful are the numbers with power over others, oldest first.
func (s *Service) powerful(w *Wallet, now time.Time) []Number {
	var numbers []Number
	for _, n := range s.Policy.Ranked(w.facts(), now) {
		numbers = append(numbers, *w.number(n.ID))
	}
	return numbers
}

// all are the numbers that are proved and not removed.
func (s *Service) all(w *Wallet, now time.Time) []Number {
	numbers := s.powerful(w, now)
	for _, n := range w.Numbers {
		if s.state(w, n.ID, now) == engine.Quarantined {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
