package sqlite

import (
	"encoding/json"
	"fmt"
	"time"

	"centinela/services/auth/internal/account"
)

type accountRow struct {
	UserName             string       `json:"user_name"`
	Locale               string       `json:"locale"`
	PasswordHash         string       `json:"password_hash"`
	PasswordChangedAt    time.Time    `json:"password_changed_at"`
	SavedCodes           []codeRow    `json:"saved_codes,omitempty"`
	Devices              []deviceRow  `json:"devices,omitempty"`
	Networks             []networkRow `json:"networks,omitempty"`
	CreatedAt            time.Time    `json:"created_at"`
	FirstSignInAt        time.Time    `json:"first_sign_in_at"`
	LastSecurityChangeAt time.Time    `json:"last_security_change_at"`
	SecurityVersion      int64        `json:"security_version"`
	Resets               []resetRow   `json:"resets,omitempty"`
	UnfamiliarSignInAt   time.Time    `json:"unfamiliar_sign_in_at"`
	SessionEpoch         int64        `json:"session_epoch"`
	KeptSession          string       `json:"kept_session,omitempty"`
	Ending               endingRow    `json:"ending"`
	Version              int64        `json:"version"`
}

type codeRow struct {
	Hash   []byte    `json:"hash"`
	UsedBy string    `json:"used_by,omitempty"`
	UsedAt time.Time `json:"used_at"`
}

type deviceRow struct {
	Hash      string    `json:"hash"`
	Name      string    `json:"name,omitempty"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

type networkRow struct {
	Prefix   string    `json:"prefix"`
	LastSeen time.Time `json:"last_seen"`
}

type resetRow struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

type endingRow struct {
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

type sessionRow struct {
	Epoch        int64     `json:"epoch"`
	Device       string    `json:"device,omitempty"`
	DeviceName   string    `json:"device_name,omitempty"`
	UserAgent    string    `json:"user_agent,omitempty"`
	Address      string    `json:"address,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	AuthTime     time.Time `json:"auth_time"`
	RefreshHash  []byte    `json:"refresh_hash"`
	PreviousHash []byte    `json:"previous_hash,omitempty"`
	RotatedAt    time.Time `json:"rotated_at"`
	EndReason    string    `json:"end_reason,omitempty"`
	Version      int64     `json:"version"`
}

func accountBody(a account.Account) (string, error) {
	return body(accountRow{
		UserName: a.UserName, Locale: a.Locale, PasswordHash: a.PasswordHash, PasswordChangedAt: a.PasswordChangedAt,
		SavedCodes: mapped(a.SavedCodes, func(c account.SavedCode) codeRow { return codeRow(c) }),
		Devices:    mapped(a.Devices, func(d account.Device) deviceRow { return deviceRow(d) }),
		Networks:   mapped(a.Networks, func(n account.Network) networkRow { return networkRow(n) }),
		CreatedAt:  a.CreatedAt, FirstSignInAt: a.FirstSignInAt, LastSecurityChangeAt: a.LastSecurityChangeAt, SecurityVersion: a.SecurityVersion,
		Resets:             mapped(a.Resets, func(r account.Reset) resetRow { return resetRow(r) }),
		UnfamiliarSignInAt: a.UnfamiliarSignInAt, SessionEpoch: a.SessionEpoch, KeptSession: a.KeptSession,
		Ending: endingRow(a.Ending), Version: a.Version,
	})
}

func accountOf(id, nameKey, text string) (account.Account, error) {
	var r accountRow
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return account.Account{}, fmt.Errorf("account %s: %w", id, err)
	}
	return account.Account{
		ID: id, NameKey: nameKey, UserName: r.UserName, Locale: r.Locale,
		PasswordHash: r.PasswordHash, PasswordChangedAt: r.PasswordChangedAt,
		SavedCodes: mapped(r.SavedCodes, func(c codeRow) account.SavedCode { return account.SavedCode(c) }),
		Devices:    mapped(r.Devices, func(d deviceRow) account.Device { return account.Device(d) }),
		Networks:   mapped(r.Networks, func(n networkRow) account.Network { return account.Network(n) }),
		CreatedAt:  r.CreatedAt, FirstSignInAt: r.FirstSignInAt, LastSecurityChangeAt: r.LastSecurityChangeAt, SecurityVersion: r.SecurityVersion,
		Resets:             mapped(r.Resets, func(x resetRow) account.Reset { return account.Reset(x) }),
		UnfamiliarSignInAt: r.UnfamiliarSignInAt, SessionEpoch: r.SessionEpoch, KeptSession: r.KeptSession,
		Ending: account.Ending(r.Ending), Version: r.Version,
	}, nil
}

func sessionBody(s account.Session) (string, error) {
	return body(sessionRow{
		Epoch: s.Epoch, Device: s.Device, DeviceName: s.DeviceName, UserAgent: s.UserAgent, Address: s.Address,
		CreatedAt: s.CreatedAt, AuthTime: s.AuthTime, RefreshHash: s.RefreshHash, PreviousHash: s.PreviousHash,
		RotatedAt: s.RotatedAt, EndReason: s.EndReason, Version: s.Version,
	})
}

// sessionOf leaves the columns to its caller.
func sessionOf(id, text string) (account.Session, error) {
	var r sessionRow
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return account.Session{}, fmt.Errorf("session %s: %w", id, err)
	}
	return account.Session{
		ID: id, Epoch: r.Epoch, Device: r.Device, DeviceName: r.DeviceName, UserAgent: r.UserAgent, Address: r.Address,
		CreatedAt: r.CreatedAt, AuthTime: r.AuthTime, RefreshHash: r.RefreshHash, PreviousHash: r.PreviousHash,
		RotatedAt: r.RotatedAt, EndReason: r.EndReason, Version: r.Version,
	}, nil
}

func body(row any) (string, error) {
	text, err := json.Marshal(row)
	return string(text), err
}

func mapped[A, B any](list []A, to func(A) B) []B {
	if list == nil {
		return nil
	}
	out := make([]B, len(list))
	for i, v := range list {
		out[i] = to(v)
	}
	return out
}
