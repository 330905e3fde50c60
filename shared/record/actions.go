package record

import "slices"

// Class says how an event is kept and who sees it.
type Class string

// The classes of events.
const (
	// Security: who can enter, what changed, what was decided, refused or read by
	// operators. Recorded one by one, and shown to the person first.
	Security Class = "security"
	// Activity: chat and requests, as digests.
	Activity Class = "activity"
	// Telemetry: counted, and may be dropped; what was dropped leaves a gap marker.
	Telemetry Class = "telemetry"
)

// Classes are all of them.
func Classes() []Class { return []Class{Security, Activity, Telemetry} }

// Every action that an event may report.
const (
	AccountCreated           = "account.created"            // an account was made
	SessionCreated           = "session.created"            // a sign-in succeeded
	SessionRefused           = "session.refused"            // a sign-in failed
	SessionRefreshed         = "session.refreshed"          // a refresh token was rotated
	SessionRefreshReused     = "session.refresh_reused"     // a used refresh token came again; its family is dead
	SessionRevoked           = "session.revoked"            // a session was ended
	PasswordChanged          = "password.changed"           // the owner changed the password
	PasswordReset            = "password.reset"             // a recovery set a new password
	SavedCodesIssued         = "saved_codes.issued"         // a new set of saved codes replaced the old one
	SavedCodeUsed            = "saved_code.used"            // a saved code was redeemed
	PhoneAdded               = "phone.added"                // a number was added, not yet verified
	PhoneVerified            = "phone.verified"             // the number's code came back
	PhoneVerificationFailed  = "phone.verification_failed"  // a wrong code for a number
	PhoneRemovalAsked        = "phone.removal_asked"        // a number's removal was asked for; the wait runs
	PhoneRemovalCancelled    = "phone.removal_cancelled"    // the owner keeps a number whose removal was asked for
	PhoneRemoved             = "phone.removed"              // a number was removed
	QuestionSet              = "question.set"               // the security question was set or changed
	RecoveryStarted          = "recovery.started"           // somebody started a recovery
	RecoveryCodeSent         = "recovery.code_sent"         // a recovery code was sent
	RecoveryEvidenceAccepted = "recovery.evidence_accepted" // a proof was accepted
	RecoveryEvidenceRefused  = "recovery.evidence_refused"  // a proof was refused
	RecoveryPossessionProved = "recovery.possession_proved" // the number was proved to be in hand
	RecoveryDecided          = "recovery.decided"           // the engine decided on the proofs
	RecoveryWaitAnnounced    = "recovery.wait_announced"    // the owner was told of a wait, with the veto
	RecoveryObjected         = "recovery.objected"          // somebody objected, which delayed the recovery or was noted
	RecoveryVetoed           = "recovery.vetoed"            // the owner stopped the recovery
	RecoveryCompleted        = "recovery.completed"         // the account was recovered
	RecoveryRefused          = "recovery.refused"           // the recovery was refused
	SMSSent                  = "sms.sent"                   // a text was handed to the provider
	SMSFailed                = "sms.failed"                 // a text could not be delivered
	ChatConnected            = "chat.connected"             // a socket was authenticated
	ChatDisconnected         = "chat.disconnected"          // a socket was closed
	ChatConversationCreated  = "chat.conversation_created"  // a conversation was made
	ChatActivity             = "chat.activity"              // digest of what a session sent within a minute (never texts)
	ChatProtocolViolation    = "chat.protocol_violation"    // a frame that the socket's state forbids
	ChatRefused              = "chat.refused"               // the relay refused a socket or a frame
	GatewayRequestRefused    = "gateway.request_refused"    // the public door refused a request
	GatewayRateLimited       = "gateway.rate_limited"       // a rate limit refused a request
	FirewallVerdictAdded     = "firewall.verdict_added"     // a firewall verdict came into force
	FirewallVerdictRemoved   = "firewall.verdict_removed"   // a firewall verdict was lifted
	AuditRead                = "audit.read"                 // an operator read events
	AuditGap                 = "audit.gap"                  // events are missing from a sequence
)

// OCSF class ids (schema.ocsf.io).
const (
	classDetectionFinding = 2004
	classAccountChange    = 3001
	classAuthentication   = 3002
	classAPIActivity      = 6003
)

// activity and telemetry are the actions that aren't of class security.
var (
	activity  = []string{ChatConnected, ChatDisconnected, ChatConversationCreated, ChatActivity, SessionRefreshed}
	telemetry = []string{GatewayRateLimited}
)

// classes holds each action once, with its OCSF class.
var classes = map[string]int{
	AccountCreated:           classAccountChange,
	SessionCreated:           classAuthentication,
	SessionRefused:           classAuthentication,
	SessionRefreshed:         classAuthentication,
	SessionRefreshReused:     classDetectionFinding,
	SessionRevoked:           classAuthentication,
	PasswordChanged:          classAccountChange,
	PasswordReset:            classAccountChange,
	SavedCodesIssued:         classAccountChange,
	SavedCodeUsed:            classAuthentication,
	PhoneAdded:               classAccountChange,
	PhoneVerified:            classAccountChange,
	PhoneVerificationFailed:  classAccountChange,
	PhoneRemovalAsked:        classAccountChange,
	PhoneRemovalCancelled:    classAccountChange,
	PhoneRemoved:             classAccountChange,
	QuestionSet:              classAccountChange,
	RecoveryStarted:          classAuthentication,
	RecoveryCodeSent:         classAuthentication,
	RecoveryEvidenceAccepted: classAuthentication,
	RecoveryEvidenceRefused:  classAuthentication,
	RecoveryPossessionProved: classAuthentication,
	RecoveryDecided:          classAccountChange,
	RecoveryWaitAnnounced:    classAccountChange,
	RecoveryObjected:         classAccountChange,
	RecoveryVetoed:           classAccountChange,
	RecoveryCompleted:        classAccountChange,
	RecoveryRefused:          classAccountChange,
	SMSSent:                  classAPIActivity,
	SMSFailed:                classAPIActivity,
	ChatConnected:            classAPIActivity,
	ChatDisconnected:         classAPIActivity,
	ChatConversationCreated:  classAPIActivity,
	ChatActivity:             classAPIActivity,
	ChatProtocolViolation:    classDetectionFinding,
	ChatRefused:              classAPIActivity,
	GatewayRequestRefused:    classAPIActivity,
	GatewayRateLimited:       classDetectionFinding,
	FirewallVerdictAdded:     classDetectionFinding,
	FirewallVerdictRemoved:   classDetectionFinding,
	AuditRead:                classAPIActivity,
	AuditGap:                 classDetectionFinding,
}

// Actions is the list of all actions, sorted.
func Actions() []string {
	all := make([]string, 0, len(classes))
	for action := range classes {
		all = append(all, action)
	}
	slices.Sort(all)
	return all
}

// Known reports whether action is one of the list.
func Known(action string) bool {
	_, ok := classes[action]
	return ok
}

// ClassOf is the class of an action.
func ClassOf(action string) Class {
	switch {
	case slices.Contains(activity, action):
		return Activity
	case slices.Contains(telemetry, action):
		return Telemetry
	}
	return Security
}

// ClassUID is the action's OCSF class: Authentication 3002, Account Change 3001,
// API Activity 6003, Detection Finding 2004; 0 for an action that isn't known.
func ClassUID(action string) int { return classes[action] }
