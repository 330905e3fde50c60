package recovery

import "centinela/shared/secret"

// sealKey is the file in the key folder that seals numbers and keys codes.
const sealKey = "recovery-seal.key"

// Keys are the key files of this service beside its service key.
func Keys() []secret.KeyFile {
	return []secret.KeyFile{{
		Name: sealKey, For: "seals phone numbers and makes codes unreadable in the database",
		Lost: "every phone number of everybody: nobody can be texted, and no recovery by SMS is possible until numbers are proved anew",
	}}
}
