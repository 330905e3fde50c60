package sdk

import "centinela/openapi/gen/gatewayclient"

// The models of the specification, under the names that read well here.
type (
	Account        = gatewayclient.Account        // one's own account
	NewAccount     = gatewayclient.CreatedAccount // the answer to SignUp, with the saved codes
	SessionInfo    = gatewayclient.Session        // a session as its owner sees it in the list
	Phone          = gatewayclient.Phone          // one of one's own numbers, masked
	RecoveryStatus = gatewayclient.Recovery       // where a recovery stands
	OwnRecovery    = gatewayclient.OwnRecovery    // a recovery of one's account, with the reasons of its decision
	Activity       = gatewayclient.Activity       // one entry of the record of one's account
	Conversation   = gatewayclient.Conversation   // one that the person is in
	Message        = gatewayclient.Message        // one of a conversation's messages
	Verdict        = gatewayclient.Verdict        // a decision of the firewall
	Subject        = gatewayclient.Subject        // whom a verdict is about
	NewVerdict     = gatewayclient.NewVerdict     // one that an operator asks for
	Clock          = gatewayclient.Clock          // the suite's clock (development profile)
	Text           = gatewayclient.SimulatedText  // one that a simulated phone got (development profile)
)

// The states of a recovery.
const (
	Collecting = gatewayclient.RecoveryStateCollecting
	Waiting    = gatewayclient.RecoveryStateWaiting
	Ready      = gatewayclient.RecoveryStateReady
	Completed  = gatewayclient.RecoveryStateCompleted
	Vetoed     = gatewayclient.RecoveryStateVetoed
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
