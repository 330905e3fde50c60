package account

import (
	"slices"
	"time"
)

// The bounds of what an account remembers; the least recently used goes first, but for the first ones of all: who has
// the password could else sign in from so many new devices and networks that the owner's are forgotten, and with them
// the lanes in which nobody else slows the owner down.
const (
	maxDevices   = 50
	keptDevices  = 10
	maxNetworks  = 20
	keptNetworks = 5
	maxResets    = 16
)

// Account is one person's account, as it is kept too. Times are UTC in whole milliseconds, the zero time where it never
// happened.
type Account struct {
	ID                   string      `json:"id"`            // acc_…
	UserName             string      `json:"user_name"`     // as name.Rules.Clean made it
	NameKey              string      `json:"name_key"`      // what is unique and looked up: name.Key(UserName)
	Locale               string      `json:"locale"`        // es, en
	PasswordHash         string      `json:"password_hash"` // PHC string, see package password
	PasswordChangedAt    time.Time   `json:"password_changed_at,omitzero,omitempty"`
	SavedCodes           []SavedCode `json:"saved_codes,omitempty"`
	Devices              []Device    `json:"devices,omitempty"`
	Networks             []Network   `json:"networks,omitempty"`
	CreatedAt            time.Time   `json:"created_at,omitzero,omitempty"`
	FirstSignInAt        time.Time   `json:"first_sign_in_at,omitzero,omitempty"`
	LastSecurityChangeAt time.Time   `json:"last_security_change_at,omitzero,omitempty"`
	SecurityVersion      int64       `json:"security_version"` // 1 at sign-up, one more with each security change
	Resets               []Reset     `json:"resets,omitempty"` // newest last
	UnfamiliarSignInAt   time.Time   `json:"unfamiliar_sign_in_at,omitzero,omitempty"`
	SessionEpoch         int64       `json:"session_epoch"`             // sessions of another epoch are dead
	KeptSession          string      `json:"kept_session,omitempty"`    // the one session that outlived the last change of epoch
	Ending               Ending      `json:"ending,omitzero,omitempty"` // set while sessions of the former epoch are still to be marked
}

// SavedCode is one code that its owner wrote down.
type SavedCode struct {
	Hash   []byte    `json:"hash"`
	UsedBy string    `json:"used_by,omitempty"` // redemption id; empty: it is good
	UsedAt time.Time `json:"used_at,omitzero,omitempty"`
}

// Device is one that signed in.
type Device struct {
	Hash      string    `json:"hash"` // hex SHA-256 of the device key
	Name      string    `json:"name,omitempty"`
	FirstSeen time.Time `json:"first_seen,omitzero,omitempty"`
	LastSeen  time.Time `json:"last_seen,omitzero,omitempty"`
}

// Network is where a sign-in came from (throttle.NetworkOf).
type Network struct {
	Prefix   string    `json:"prefix"`
	LastSeen time.Time `json:"last_seen,omitzero,omitempty"`
}

// Reset is a password set by a recovery.
type Reset struct {
	ID string    `json:"id"`
	At time.Time `json:"at,omitzero,omitempty"`
}

// Ending says why the sessions of former epochs end, and since when.
type Ending struct {
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at,omitzero,omitempty"`
}

// CodesLeft counts the saved codes that are good.
func (a *Account) CodesLeft() int {
	n := 0
	for _, c := range a.SavedCodes {
		if c.UsedBy == "" {
			n++
		}
	}
	return n
}

// Knows reports whether the device signed in before; never for the empty hash.
func (a *Account) Knows(device string) bool {
	return device != "" && slices.ContainsFunc(a.Devices, func(d Device) bool { return d.Hash == device })
}

// KnowsNetwork reports whether a sign-in came from the network before.
func (a *Account) KnowsNetwork(prefix string) bool {
	return prefix != "" && slices.ContainsFunc(a.Networks, func(n Network) bool { return n.Prefix == prefix })
}

// LastResetAt is the newest reset, zero without one.
func (a *Account) LastResetAt() time.Time {
	if len(a.Resets) == 0 {
		return time.Time{}
	}
	return a.Resets[len(a.Resets)-1].At
}

// resetBy reports whether the reset of that id was done.
func (a *Account) resetBy(id string) bool {
	return slices.ContainsFunc(a.Resets, func(r Reset) bool { return r.ID == id })
}

// signedIn notes a sign-in. One from a device that isn't known is unfamiliar unless it is the first of the account; one
// without a device key can't be known, so it counts as unfamiliar (recovery is the more careful for it).
func (a *Account) signedIn(now time.Time, device, name, network string) {
	if a.FirstSignInAt.IsZero() {
		a.FirstSignInAt = now
	} else if !a.Knows(device) {
		a.UnfamiliarSignInAt = now
	}
	if device != "" {
		a.seeDevice(now, device, name)
	}
	if network != "" {
		a.seeNetwork(now, network)
	}
}

func (a *Account) seeDevice(now time.Time, hash, name string) {
	i := slices.IndexFunc(a.Devices, func(d Device) bool { return d.Hash == hash })
	if i < 0 {
		if len(a.Devices) >= maxDevices {
			a.Devices = withoutOldest(a.Devices, keptDevices, func(d Device) time.Time { return d.LastSeen })
		}
		a.Devices = append(a.Devices, Device{Hash: hash, Name: name, FirstSeen: now, LastSeen: now})
		return
	}
	a.Devices[i].LastSeen = now
	if name != "" {
		a.Devices[i].Name = name
	}
}

func (a *Account) seeNetwork(now time.Time, prefix string) {
	i := slices.IndexFunc(a.Networks, func(n Network) bool { return n.Prefix == prefix })
	if i >= 0 {
		a.Networks[i].LastSeen = now
		return
	}
	if len(a.Networks) >= maxNetworks {
		a.Networks = withoutOldest(a.Networks, keptNetworks, func(n Network) time.Time { return n.LastSeen })
	}
	a.Networks = append(a.Networks, Network{Prefix: prefix, LastSeen: now})
}

// withoutOldest takes one out; lists are in the order in which their items came first, and the first kept stay.
func withoutOldest[T any](list []T, kept int, seen func(T) time.Time) []T {
	oldest := kept
	for i := kept; i < len(list); i++ {
		if seen(list[i]).Before(seen(list[oldest])) {
			oldest = i
		}
	}
	return slices.Delete(list, oldest, oldest+1)
}

// securityChanged notes a change of how the account is entered. What was decided on an earlier version is decided anew.
func (a *Account) securityChanged(now time.Time) {
	a.LastSecurityChangeAt = now
	a.SecurityVersion++
}

// endSessions opens a new epoch: every session but kept ("" for none) is dead from here on, marked or not.
func (a *Account) endSessions(now time.Time, kept, reason string) {
	a.SessionEpoch++
	a.KeptSession = kept
	a.Ending = Ending{Reason: reason, At: now}
}

// Session is one sign-in of one device, kept alive by its refresh token.
type Session struct {
	ID           string    `json:"id"` // ses_…
	Account      string    `json:"account"`
	Epoch        int64     `json:"epoch"`            // the account's when it was made
	Device       string    `json:"device,omitempty"` // hex SHA-256 of the device key
	DeviceName   string    `json:"device_name,omitempty"`
	UserAgent    string    `json:"user_agent,omitempty"`
	Address      string    `json:"address,omitempty"`
	CreatedAt    time.Time `json:"created_at,omitzero,omitempty"`
	AuthTime     time.Time `json:"auth_time,omitzero,omitempty"` // when the person proved who they are; a refresh keeps it
	LastUsedAt   time.Time `json:"last_used_at,omitzero,omitempty"`
	ExpiresAt    time.Time `json:"expires_at,omitzero,omitempty"` // of the refresh token: 7 days after the last use, at most 30 after CreatedAt
	RefreshHash  []byte    `json:"refresh_hash,omitempty"`
	PreviousHash []byte    `json:"previous_hash,omitempty"`         // the token before, for a lost answer
	RotatedAt    time.Time `json:"rotated_at,omitzero,omitempty"`   // when PreviousHash was spent
	AccessUntil  time.Time `json:"access_until,omitzero,omitempty"` // when the last access token ends that was given out
	EndedAt      time.Time `json:"ended_at,omitzero,omitempty"`
	EndReason    string    `json:"end_reason,omitempty"`
}

// liveOf says nil when the session is alive for its account, else ErrSessionRevoked or ErrTokenExpired.
func (s *Session) liveOf(a *Account, now time.Time) error {
	if !s.EndedAt.IsZero() || s.Account != a.ID || (s.Epoch != a.SessionEpoch && s.ID != a.KeptSession) {
		return ErrSessionRevoked
	}
	if !now.Before(s.ExpiresAt) {
		return ErrTokenExpired
	}
	return nil
}
