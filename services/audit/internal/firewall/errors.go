package firewall

import "centinela/shared/fault"

var (
	// ErrVerdictInvalid is a verdict that can't be applied; its fields say why.
	ErrVerdictInvalid = fault.New(fault.KindInvalid, fault.CodeVerdictInvalid, "the verdict can't be applied")
	// ErrVerdictNotFound is a verdict that isn't in force.
	ErrVerdictNotFound = fault.New(fault.KindNotFound, fault.CodeNotFound, "no such verdict in force")
	// ErrVerdictExists is a verdict that was made before, in force or not any more.
	ErrVerdictExists = fault.New(fault.KindConflict, fault.CodeConflict, "the verdict was made before")
	// ErrTooManyVerdicts is the limit of what a gateway holds in memory.
	ErrTooManyVerdicts = fault.New(fault.KindConflict, fault.CodeLimitReached, "there are too many verdicts; remove some, or use prefixes")
)
