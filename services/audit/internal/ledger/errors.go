package ledger

import (
	"errors"
	"fmt"

	"centinela/shared/fault"
)

var (
	// ErrMoved is an append behind a head that isn't the newest any more: another
	// instance appended meanwhile.
	ErrMoved = errors.New("the record has a newer entry")
	// ErrSwallowed is an append that ended well, and whose rows aren't there. Nothing
	// is acknowledged.
	ErrSwallowed = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "the record doesn't keep what is written to it")
	// ErrShipment is a shipment that doesn't hold together.
	ErrShipment = fault.New(fault.KindInvalid, fault.CodeInvalidField, "the shipment is not valid")
	// ErrSignature is a head that wasn't signed by the service of its source.
	ErrSignature = fault.New(fault.KindForbidden, fault.CodeForbidden, "the head of the log was not signed by its service")
	// ErrInterrupted is a shipment whose write ended in a panic: stored or not, a
	// retry finds out by the numbers.
	ErrInterrupted = fault.New(fault.KindInternal, fault.CodeInternal, "")
	// ErrTampered is a record that fails its verification.
	ErrTampered = errors.New("the record was altered")
)

// DamagedError is a row that can't be read as an entry at all.
type DamagedError struct {
	Seq int64
	Err error
}

// Error names the row and why it can't be read.
func (e *DamagedError) Error() string { return fmt.Sprintf("entry %d can't be read: %v", e.Seq, e.Err) }

// Unwrap is the reason.
func (e *DamagedError) Unwrap() error { return e.Err }
