package ledger

import (
	"errors"
	"fmt"

	"centinela/shared/fault"
)

// ErrTimeOutOfRange is an event dated where no clock of ours, travelled or
// real, ever was.
var ErrTimeOutOfRange = fault.New(fault.KindInvalid, fault.CodeInvalidField, "the event's time is not between the years 2000 and 2200")

// ErrInterrupted is a batch whose write ended in a panic: stored or not, a
// retry finds out by the ids.
var ErrInterrupted = fault.New(fault.KindInternal, fault.CodeInternal, "")

// ErrTampered is a record that fails its verification.
var ErrTampered = errors.New("the record was altered")

// DamagedError is a row that can't be read as an entry at all.
type DamagedError struct {
	Seq int64
	Err error
}

// Error names the row and why it can't be read.
func (e *DamagedError) Error() string { return fmt.Sprintf("entry %d can't be read: %v", e.Seq, e.Err) }

// Unwrap is the reason.
func (e *DamagedError) Unwrap() error { return e.Err }
