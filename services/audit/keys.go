package audit

import "centinela/shared/secret"

// Keys are the key files of this service beside its service key.
func Keys() []secret.KeyFile {
	return []secret.KeyFile{
		{
			Name: checkpointKey, Pair: true, For: "signs the checkpoints of the record",
			Lost: "the checkpoints made so far can't be verified: nobody can tell whether the record was cut off before the next one",
		},
		{
			Name: placesKey, For: "hides the addresses in what is remembered of people's usual networks",
			Lost: "nobody is familiar by network until signing in there again: recoveries wait longer",
		},
		{
			Name: openingsKey, For: "hides in the record who and where: addresses, accounts, devices",
			Lost: "the record still proves what happened, but no longer of whom: people's activity is empty, rules see nobody in older events",
		},
	}
}
