package protocol

import "testing"

// BenchmarkDecode is what a frame costs before the relay sees it: compare CPU.
func BenchmarkDecode(b *testing.B) {
	frame := []byte(send(`text="hola, ¿qué tal? son las diez y media y no ha llegado nadie todavía"`))
	b.ReportAllocs()
	for b.Loop() {
		if _, v := Decode(ready, false, frame); v != nil {
			b.Fatal(v)
		}
	}
}
