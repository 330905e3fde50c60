package wallet

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/shared/humantext"
	"centinela/shared/secret"
)

const (
	mexico    = 52
	maxNumber = 32 // characters that are looked at
)

// ParseNumber reads a number in international form, as people type and paste it,
// and gives its E.164 and its masked form. Errors: ErrPhoneInvalid, ErrPhoneNotMobile.
func ParseNumber(raw string) (e164, masked string, _ error) {
	typed := humantext.Phone(raw)
	if humantext.Len(typed) > maxNumber {
		return "", "", ErrPhoneInvalid
	}
	n, err := phonenumbers.Parse(typed, phonenumbers.UNKNOWN_REGION)
	if err != nil {
		return "", "", ErrPhoneInvalid // the library's error repeats the number
	}
	withoutOldPrefix(n)
	if !phonenumbers.IsValidNumber(n) {
		return "", "", ErrPhoneInvalid
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
	default:
		return "", "", ErrPhoneNotMobile
	}
	e164 = phonenumbers.Format(n, phonenumbers.E164)
	return e164, "+" + strconv.Itoa(int(n.GetCountryCode())) + " ••• ••• " + e164[len(e164)-3:], nil
}

// withoutOldPrefix strips the 1 that Mexican mobile numbers had after +52 until 2019.
func withoutOldPrefix(n *phonenumbers.PhoneNumber) {
	national := strconv.FormatUint(n.GetNationalNumber(), 10)
	if n.GetCountryCode() != mexico || len(national) != 11 || national[0] != '1' {
		return
	}
	if short, err := strconv.ParseUint(strings.TrimPrefix(national, "1"), 10, 64); err == nil {
		n.NationalNumber = &short
	}
}

// NumberMAC finds a number again without keeping it readable.
func (s *Service) NumberMAC(e164 string) string {
	return hex.EncodeToString(s.o.Key.MAC("phone number", e164))
}

func (s *Service) sealNumber(id, e164 string) []byte { return s.o.Key.Seal([]byte(e164), []byte(id)) }

// Word is the word in a recovery's texts to a number: four digits that object to
// that one alone. They are made of the key, so nobody else can tell them, and nothing
// of them is kept.
func (s *Service) Word(flow, number string) string {
	mac := s.o.Key.MAC("objection word", flow, number)
	return fmt.Sprintf("%04d", binary.BigEndian.Uint64(mac)%10000)
}

// Text writes a text to a number.
func (s *Service) Text(n Number, d post.Draft, now time.Time) (post.Text, error) {
	e164, err := s.o.Key.Open(n.Sealed, []byte(n.ID))
	if err != nil {
		return post.Text{}, err
	}
	d.Number, d.To = n.ID, string(e164)
	return s.o.Writer.Write(d, now), nil
}

// Notice is what the numbers of an account are told.
type Notice struct {
	Owner  string // id of the flow or account that it is written with
	Except string // id of a number that isn't told
	All    bool   // those on trial are told, too
	Said   post.Phrase
	// Word is what stands in it for the number of that id; nil: nothing does.
	Word func(number string) string
	Name string // the same one is told once
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
		var words []string
		if n.Word != nil {
			words = []string{n.Word(number.ID)}
		}
		text, err := s.Text(number, post.Draft{
			Owner: n.Owner, Account: w.Account, Purpose: post.Notice, Name: n.Name,
			Body: secret.NewString(n.Said.In(w.Locale, words...)), ExpiresAt: n.ExpiresAt,
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
