package sdk

import "centinela/openapi/gen/gatewayclient"

// The models of the specification, under the names that read well here.
type (
	// Account is one's own account.
	Account = gatewayclient.Account
	// NewAccount is the answer to SignUp, with the saved codes.
	NewAccount = gatewayclient.CreatedAccount
	// SessionInfo is a session as its owner sees it in the list.
	SessionInfo = gatewayclient.Session
	// Phone is one of one's own numbers, masked.
	Phone = gatewayclient.Phone
	// RecoveryStatus is where a recovery stands.
	RecoveryStatus = gatewayclient.Recovery
	// Counterfactual is an evidence that would shorten a recovery's wait, or open a way.
	Counterfactual = gatewayclient.Counterfactual
	// Objection is what one did: it stopped a recovery, delayed it, or was noted.
	Objection = gatewayclient.Objection
	// OwnRecovery is a recovery of one's account, with the reasons of its decision.
	OwnRecovery = gatewayclient.OwnRecovery
	// Activity is one entry of the record of one's account.
	Activity = gatewayclient.Activity
	// Conversation is one that the person is in.
	Conversation = gatewayclient.Conversation
	// Message is one of a conversation's messages.
	Message = gatewayclient.Message
	// Verdict is a decision of the firewall.
	Verdict = gatewayclient.Verdict
	// Subject is whom a verdict is about.
	Subject = gatewayclient.Subject
	// NewVerdict is one that an operator asks for.
	NewVerdict = gatewayclient.NewVerdict
	// Clock is the suite's clock (development profile).
	Clock = gatewayclient.Clock
	// Text is one that a simulated phone got (development profile).
	Text = gatewayclient.SimulatedText
)

// The states of a recovery.
const (
	Collecting = gatewayclient.RecoveryStateCollecting
	Waiting    = gatewayclient.RecoveryStateWaiting
	Ready      = gatewayclient.RecoveryStateReady
	Completed  = gatewayclient.RecoveryStateCompleted
	Vetoed     = gatewayclient.RecoveryStateVetoed
	RefusedOut = gatewayclient.RecoveryStateRefused
	Expired    = gatewayclient.RecoveryStateExpired
)

// The methods of evidence.
const (
	SMS       = gatewayclient.EvidenceMethodSms
	SavedCode = gatewayclient.EvidenceMethodSavedCode
)

// The states of a number.
const (
	Pending     = gatewayclient.PhoneStatePending
	Quarantined = gatewayclient.PhoneStateQuarantined
	Trusted     = gatewayclient.PhoneStateTrusted
	Retiring    = gatewayclient.PhoneStateRetiring
)

// Powers of a number that callers ask for most.
const (
	Recover = gatewayclient.PhonePowerRecover
	CanVeto = gatewayclient.PhonePowerVeto
)
