package proxy

import "sync"

// bufferSize is what io.Copy would take for each answer.
const bufferSize = 32 << 10

// buffers lends the reverse proxy its copy buffers: without them each answer
// costs 32 KiB of garbage.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{pool: sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}}
}

func (b *buffers) Get() []byte { return *b.pool.Get().(*[]byte) }

func (b *buffers) Put(buf []byte) { b.pool.Put(&buf) }
