package mongo

import (
	"time"

	"centinela/services/auth/internal/account"
	"centinela/shared/mongox"
)

// never stands for the zero time, in queries too: the driver keeps it as a date of the year 1.
var never = time.Time{}

type accountDoc struct {
	ID                   string         `bson:"_id"`
	NameKey              string         `bson:"name_key"`
	UserName             string         `bson:"user_name"`
	Locale               string         `bson:"locale"`
	PasswordHash         string         `bson:"password_hash"`
	PasswordChangedAt    time.Time      `bson:"password_changed_at"`
	SavedCodes           []codeDoc      `bson:"saved_codes,omitempty"`
	Devices              []deviceDoc    `bson:"devices,omitempty"`
	Networks             []networkDoc   `bson:"networks,omitempty"`
	CreatedAt            time.Time      `bson:"created_at"`
	FirstSignInAt        time.Time      `bson:"first_sign_in_at"`
	LastSecurityChangeAt time.Time      `bson:"last_security_change_at"`
	SecurityVersion      int64          `bson:"security_version"`
	Resets               []resetDoc     `bson:"resets,omitempty"`
	UnfamiliarSignInAt   time.Time      `bson:"unfamiliar_sign_in_at"`
	SessionEpoch         int64          `bson:"session_epoch"`
	KeptSession          string         `bson:"kept_session"`
	Ending               endingDoc      `bson:"ending"`
	Version              int64          `bson:"rev"`
	Outbox               mongox.Carried `bson:"outbox,omitempty"`
}

type codeDoc struct {
	Hash   []byte    `bson:"hash"`
	UsedBy string    `bson:"used_by"`
	UsedAt time.Time `bson:"used_at"`
}

type deviceDoc struct {
	Hash      string    `bson:"hash"`
	Name      string    `bson:"name"`
	FirstSeen time.Time `bson:"first_seen"`
	LastSeen  time.Time `bson:"last_seen"`
}

type networkDoc struct {
	Prefix   string    `bson:"prefix"`
	LastSeen time.Time `bson:"last_seen"`
}

type resetDoc struct {
	ID string    `bson:"id"`
	At time.Time `bson:"at"`
}

type endingDoc struct {
	Reason string    `bson:"reason"`
	At     time.Time `bson:"at"`
}

type sessionDoc struct {
	ID           string         `bson:"_id"`
	Account      string         `bson:"account"`
	Epoch        int64          `bson:"epoch"`
	Device       string         `bson:"device"`
	DeviceName   string         `bson:"device_name"`
	UserAgent    string         `bson:"user_agent"`
	Address      string         `bson:"address"`
	CreatedAt    time.Time      `bson:"created_at"`
	AuthTime     time.Time      `bson:"auth_time"`
	LastUsedAt   time.Time      `bson:"last_used_at"`
	ExpiresAt    time.Time      `bson:"expires_at"`
	RefreshHash  []byte         `bson:"refresh_hash,omitempty"`
	PreviousHash []byte         `bson:"previous_hash,omitempty"`
	RotatedAt    time.Time      `bson:"rotated_at"`
	EndedAt      time.Time      `bson:"ended_at"`
	EndReason    string         `bson:"end_reason"`
	Version      int64          `bson:"rev"`
	Outbox       mongox.Carried `bson:"outbox,omitempty"`
}

type failureDoc struct {
	ID          string    `bson:"_id"`
	Count       int       `bson:"count"`
	WindowStart time.Time `bson:"window_start"`
	LastAt      time.Time `bson:"last_at"`
}

func docOfAccount(a account.Account, outbox mongox.Carried) accountDoc {
	return accountDoc{
		ID: a.ID, NameKey: a.NameKey, UserName: a.UserName, Locale: a.Locale,
		PasswordHash: a.PasswordHash, PasswordChangedAt: a.PasswordChangedAt,
		SavedCodes: mapped(a.SavedCodes, func(c account.SavedCode) codeDoc { return codeDoc(c) }),
		Devices:    mapped(a.Devices, func(d account.Device) deviceDoc { return deviceDoc(d) }),
		Networks:   mapped(a.Networks, func(n account.Network) networkDoc { return networkDoc(n) }),
		CreatedAt:  a.CreatedAt, FirstSignInAt: a.FirstSignInAt, LastSecurityChangeAt: a.LastSecurityChangeAt, SecurityVersion: a.SecurityVersion,
		Resets:             mapped(a.Resets, func(r account.Reset) resetDoc { return resetDoc(r) }),
		UnfamiliarSignInAt: a.UnfamiliarSignInAt, SessionEpoch: a.SessionEpoch, KeptSession: a.KeptSession,
		Ending: endingDoc(a.Ending), Version: a.Version, Outbox: outbox,
	}
}

func (d accountDoc) account() account.Account {
	return account.Account{
		ID: d.ID, NameKey: d.NameKey, UserName: d.UserName, Locale: d.Locale,
		PasswordHash: d.PasswordHash, PasswordChangedAt: d.PasswordChangedAt,
		SavedCodes: mapped(d.SavedCodes, func(c codeDoc) account.SavedCode { return account.SavedCode(c) }),
		Devices:    mapped(d.Devices, func(x deviceDoc) account.Device { return account.Device(x) }),
		Networks:   mapped(d.Networks, func(n networkDoc) account.Network { return account.Network(n) }),
		CreatedAt:  d.CreatedAt, FirstSignInAt: d.FirstSignInAt, LastSecurityChangeAt: d.LastSecurityChangeAt, SecurityVersion: d.SecurityVersion,
		Resets:             mapped(d.Resets, func(r resetDoc) account.Reset { return account.Reset(r) }),
		UnfamiliarSignInAt: d.UnfamiliarSignInAt, SessionEpoch: d.SessionEpoch, KeptSession: d.KeptSession,
		Ending: account.Ending(d.Ending), Version: d.Version,
	}
}

func docOfSession(s account.Session, outbox mongox.Carried) sessionDoc {
	return sessionDoc{
		ID: s.ID, Account: s.Account, Epoch: s.Epoch, Device: s.Device, DeviceName: s.DeviceName, UserAgent: s.UserAgent,
		Address: s.Address, CreatedAt: s.CreatedAt, AuthTime: s.AuthTime, LastUsedAt: s.LastUsedAt, ExpiresAt: s.ExpiresAt,
		RefreshHash: s.RefreshHash, PreviousHash: s.PreviousHash, RotatedAt: s.RotatedAt, EndedAt: s.EndedAt,
		EndReason: s.EndReason, Version: s.Version, Outbox: outbox,
	}
}

func (d sessionDoc) session() account.Session {
	return account.Session{
		ID: d.ID, Account: d.Account, Epoch: d.Epoch, Device: d.Device, DeviceName: d.DeviceName, UserAgent: d.UserAgent,
		Address: d.Address, CreatedAt: d.CreatedAt, AuthTime: d.AuthTime, LastUsedAt: d.LastUsedAt, ExpiresAt: d.ExpiresAt,
		RefreshHash: d.RefreshHash, PreviousHash: d.PreviousHash, RotatedAt: d.RotatedAt, EndedAt: d.EndedAt,
		EndReason: d.EndReason, Version: d.Version,
	}
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
