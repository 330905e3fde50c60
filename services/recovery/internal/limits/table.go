package limits

import (
	"time"

	"centinela/shared/limits"
)

// The sizes of a code and of its life, and how often.
const (
	CodeDigits   = 8
	CodeTTL      = 5 * time.Minute
	triesPerCode = 5
	triesPerDay  = 10  // of one number, in one lane
	triesInAll   = 100 // in a row: a right one sets it back
	inAllWindow  = 365 * aDay
	sendsPerDay  = 10
	burst        = 5
	burstWindow  = 10 * time.Minute
	removalsTold = 2
	aDay         = 24 * time.Hour
)

// The names of the table.
const (
	startSource  limits.Name = "start_source"
	startAccount limits.Name = "start_account"
	startTold    limits.Name = "start_told"
	removalTold  limits.Name = "removal_told"

	textProvedBurst limits.Name = "text_proved_burst"
	textProvedDay   limits.Name = "text_proved_day"
	textNewBurst    limits.Name = "text_new_burst"
	textNewDay      limits.Name = "text_new_day"
	textOwnAccount  limits.Name = "text_own_account"
	textFlowBurst   limits.Name = "text_flow_burst"
	textFlowDay     limits.Name = "text_flow_day"
	textFlowAccount limits.Name = "text_flow_account"

	tryCode    limits.Name = "try_code"
	tryOwnDay  limits.Name = "try_own_day"
	tryOwnAll  limits.Name = "try_own_all"
	tryFlowDay limits.Name = "try_flow_day"
	tryFlowAll limits.Name = "try_flow_all"
)

// Config is what an operator may set of the table.
type Config struct {
	StartsPerAddress int `yaml:"starts_per_address" help:"an hour, from one address and lane"`
	StartsPerAccount int `yaml:"starts_per_account" help:"a day, by strangers to the account"`
}

// table is every limit of the service. All of them are counted together with the
// check ("both"); none is looked at without being used.
func table(c Config) []limits.Limit {
	return []limits.Limit{
		{Name: startSource, Fields: []string{"door", "network"}, Limit: c.StartsPerAddress, Window: time.Hour, SharedBy: "everybody in a network (IPv6: /64); known devices apart"},
		{Name: startAccount, Fields: []string{"account"}, Limit: c.StartsPerAccount, Window: aDay, SharedBy: "strangers to the account; nobody who is familiar"},
		{Name: startTold, Fields: []string{"account"}, Limit: 1, Window: aDay, SharedBy: "all who start a recovery of the account and have it told"},
		{Name: removalTold, Fields: []string{"account", "number"}, Limit: removalsTold, Window: aDay, SharedBy: "the account's sessions"},

		{Name: textProvedBurst, Fields: []string{"account", "number"}, Limit: burst, Window: burstWindow, SharedBy: "the account's sessions"},
		{Name: textProvedDay, Fields: []string{"account", "number"}, Limit: sendsPerDay, Window: aDay, SharedBy: "the account's sessions"},
		{Name: textNewBurst, Fields: []string{"number"}, Limit: burst, Window: burstWindow, SharedBy: "all accounts where the number was not proved yet"},
		{Name: textNewDay, Fields: []string{"number"}, Limit: sendsPerDay, Window: aDay, SharedBy: "all accounts where the number was not proved yet"},
		{Name: textOwnAccount, Fields: []string{"account"}, Limit: 2 * sendsPerDay, Window: aDay, SharedBy: "the account's sessions"},
		{Name: textFlowBurst, Fields: []string{"lane", "account", "number"}, Limit: burst, Window: burstWindow, SharedBy: "recoveries of the account in one lane"},
		{Name: textFlowDay, Fields: []string{"lane", "account", "number"}, Limit: sendsPerDay, Window: aDay, SharedBy: "recoveries of the account in one lane"},
		{Name: textFlowAccount, Fields: []string{"lane", "account"}, Limit: 2 * sendsPerDay, Window: aDay, SharedBy: "recoveries of the account in one lane"},

		{Name: tryCode, Fields: []string{"code"}, Limit: triesPerCode, Window: aDay, SharedBy: "who may try that code"},
		{Name: tryOwnDay, Fields: []string{"account", "number"}, Limit: triesPerDay, Window: aDay, SharedBy: "the account's sessions"},
		{Name: tryOwnAll, Fields: []string{"account", "number"}, Limit: triesInAll, Window: inAllWindow, SharedBy: "the account's sessions"},
		{Name: tryFlowDay, Fields: []string{"lane", "account", "number"}, Limit: triesPerDay, Window: aDay, SharedBy: "recoveries of the account in one lane"},
		{Name: tryFlowAll, Fields: []string{"lane", "account", "number"}, Limit: triesInAll, Window: inAllWindow, SharedBy: "recoveries of the account in one lane"},
	}
}

// Lanes of recoveries: an attacker burns the anonymous budgets only (design:
// "Lanes, not locks").
const (
	LaneKnown     = "known"    // a device that the account knows
	LaneFamiliar  = "familiar" // one of its usual places
	LaneAnonymous = "anonymous"
)

// Use is one use of a limit.
type Use = limits.Use

// StartFrom is a recovery started from the network of an address, at one door (a lane).
func StartFrom(door, address string) Use { return limits.Of(startSource, door, network(address)) }

// StartOf is a recovery of an account, started by a stranger to it.
func StartOf(account string) Use { return limits.Of(startAccount, account) }

// StartTold is the notice that a recovery was started.
func StartTold(account string) Use { return limits.Of(startTold, account) }

// RemovalTold is the notice that a number's removal was asked for.
func RemovalTold(account, number string) Use { return limits.Of(removalTold, account, number) }

// TextToProved is a code to a number that was proved on this account: nobody
// else can use it up (KA D2).
func TextToProved(account, number string) []Use {
	return []Use{limits.Of(textProvedBurst, account, number), limits.Of(textProvedDay, account, number), limits.Of(textOwnAccount, account)}
}

// TextToNew is a code to a number, by its MAC, that the account has yet to prove:
// whose phone it is, is not known, so all accounts together bother it no more.
func TextToNew(account, mac string) []Use {
	return []Use{limits.Of(textNewBurst, mac), limits.Of(textNewDay, mac), limits.Of(textOwnAccount, account)}
}

// TextOfFlow is a recovery's code.
func TextOfFlow(lane, account, number string) []Use {
	return []Use{limits.Of(textFlowBurst, lane, account, number), limits.Of(textFlowDay, lane, account, number), limits.Of(textFlowAccount, lane, account)}
}

// Try is one guess at the code of that id, or at what has such a name.
func Try(code string) Use { return limits.Of(tryCode, code) }

// TryOwn is a guess at the code of one's own number, whatever code it is.
func TryOwn(account, number string) []Use {
	return []Use{limits.Of(tryOwnDay, account, number), limits.Of(tryOwnAll, account, number)}
}

// TryOfFlow is a guess at the code of a number in a recovery, whatever code and
// recovery it is.
func TryOfFlow(lane, account, number string) []Use {
	return []Use{limits.Of(tryFlowDay, lane, account, number), limits.Of(tryFlowAll, lane, account, number)}
}
