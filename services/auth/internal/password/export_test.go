package password

// AtOnce is how many hashes of its own cost a Hasher has in work at the most.
func (h *Hasher) AtOnce() int { return int(h.gate.total / int64(h.params.MemoryKiB)) }
