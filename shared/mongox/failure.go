package mongox

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"centinela/shared/fault"
)

// retryAfter is what a caller is told who met a store that isn't able: an election
// takes some seconds.
const retryAfter = 5 * time.Second

// ErrUnavailable says that the store couldn't do it now: nobody answered, it has no
// primary, it couldn't tell that a majority has the write, it is full. The
// operation may be tried again; a write may have happened.
var ErrUnavailable = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "the store does not answer").WithRetryAfter(retryAfter)

const (
	writeConflict  = 112
	outOfDiskSpace = 14031
)

// transient are the codes after which the same operation can succeed: those of the
// driver specifications (retryable reads and writes, "not writable primary", "node
// is recovering"), stale routing, and contention.
var transient = []int{
	6,     // HostUnreachable
	7,     // HostNotFound
	63,    // StaleShardVersion
	64,    // WriteConcernTimeout
	89,    // NetworkTimeout
	91,    // ShutdownInProgress
	133,   // FailedToSatisfyReadPreference
	134,   // ReadConcernMajorityNotAvailableYet
	150,   // StaleEpoch
	189,   // PrimarySteppedDown
	262,   // ExceededTimeLimit
	365,   // TemporarilyUnavailable
	9001,  // SocketException
	10058, // LegacyNotPrimary
	10107, // NotWritablePrimary
	11600, // InterruptedAtShutdown
	11602, // InterruptedDueToReplStateChange
	13388, // StaleConfig
	13435, // NotPrimaryNoSecondaryOk
	13436, // NotPrimaryOrSecondary
	writeConflict,
}

// Wrap maps what the store couldn't do now to [ErrUnavailable] with err as its
// cause; every other error, a violated unique index and a done context's too,
// comes back as it is.
func Wrap(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), IsDuplicate(err):
		return err
	case hasCode(err, outOfDiskSpace):
		return ErrUnavailable.WithDetail("the store is full").WithCause(err)
	case noServer(err), mongo.IsNetworkError(err), hasCode(err, transient...), isLabelled(err), isUnconfirmed(err):
		return ErrUnavailable.WithCause(err)
	case errors.Is(err, context.DeadlineExceeded):
		return err
	case mongo.IsTimeout(err):
		return ErrUnavailable.WithCause(err)
	}
	return err
}

// IsDuplicate reports whether err is a violated unique index.
func IsDuplicate(err error) bool { return mongo.IsDuplicateKeyError(err) }

// noServer is the driver's server selection error: nobody answered within 3 s.
func noServer(err error) bool {
	var selection topology.ServerSelectionError
	return errors.As(err, &selection)
}

// hasCode looks at write errors and write concern errors as well.
func hasCode(err error, codes ...int) bool {
	server, ok := errors.AsType[mongo.ServerError](err)
	return ok && slices.ContainsFunc(codes, server.HasErrorCode)
}

// isLabelled: the server says itself that the operation may be tried again.
func isLabelled(err error) bool {
	labelled, ok := errors.AsType[mongo.LabeledError](err)
	return ok && (labelled.HasErrorLabel("RetryableWriteError") || labelled.HasErrorLabel("TransientTransactionError"))
}

// isUnconfirmed is a write that was made and isn't known to be on a majority,
// whatever the reason: it can still be rolled back.
func isUnconfirmed(err error) bool {
	one, ok := errors.AsType[mongo.WriteException](err)
	many, alsoOK := errors.AsType[mongo.BulkWriteException](err)
	return ok && one.WriteConcernError != nil || alsoOK && many.WriteConcernError != nil
}
