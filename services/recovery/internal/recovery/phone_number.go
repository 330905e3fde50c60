package recovery

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"centinela/shared/secret"
)

const (
	mexico    = 52
	maxNumber = 32 // characters that are looked at
)

// parseNumber reads a number in international form and gives its E.164 and its
// masked form. Errors: ErrPhoneInvalid, ErrPhoneNotMobile.
func parseNumber(raw string) (e164, masked string, _ error) {
	if len(raw) > maxNumber {
		return "", "", ErrPhoneInvalid
	}
	n, err := phonenumbers.Parse(raw, phonenumbers.UNKNOWN_REGION)
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

// numberMAC finds a number again without keeping it readable.
func (s *Service) numberMAC(e164 string) string {
	return hex.EncodeToString(s.Key.MAC("phone number", e164))
}

func (s *Service) sealNumber(id, e164 string) []byte { return s.Key.Seal([]byte(e164), []byte(id)) }

func (s *Service) openNumber(n Number) (string, error) {
	plain, err := s.Key.Open(n.Sealed, []byte(n.ID))
	return string(plain), err
}

// codeMAC binds a code to what it is for: it proves nothing elsewhere.
func (s *Service) codeMAC(purpose, owner, number, device string, code secret.String) []byte {
	return s.Key.MAC("sms code", purpose, owner, number, device, code.Reveal())
}
