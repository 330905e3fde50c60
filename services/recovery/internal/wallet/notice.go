package wallet

import (
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/shared/secret"
)

// Notice is what the numbers of an account are told.
type Notice struct {
	Owner  string // id of the flow or account that it is written with
	Except string // id of a number that isn't told
	All    bool   // those on trial are told, too
	Said   post.Phrase
	Name   string // the same one is told once
	// ExpiresAt is when it is too late for it; zero: never.
	ExpiresAt time.Time
}

// Notices tell the numbers with power over others.
func (s *Service) Notices(w *Wallet, n Notice, now time.Time) ([]post.Text, error) {
	numbers := s.Powerful(w, now)
	for _, number := range w.Numbers {
		if n.All && s.state(number, now) == engine.Quarantined {
			numbers = append(numbers, number)
		}
	}
	var texts []post.Text
	for _, number := range numbers {
		if number.ID == n.Except {
			continue
		}
		text, err := s.Text(number, post.Draft{
			Owner: n.Owner, Account: w.Account, Purpose: post.Notice, Name: n.Name,
			Body: secret.NewString(n.Said.In(w.Locale, "")), ExpiresAt: n.ExpiresAt,
		}, now)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// Powerful are the numbers with power over others (V4), oldest first.
func (s *Service) Powerful(w *Wallet, now time.Time) []Number {
	var numbers []Number
	for _, n := range s.o.Policy.Ranked(w.Facts(), now) {
		numbers = append(numbers, *w.Number(n.ID))
	}
	return numbers
}
