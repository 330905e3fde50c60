package record

import (
	"crypto/ed25519"
	"testing"
)

// CA A1: a signature is for one head of one source.
func TestSignedBy(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	head := Head{N: 7, Hash: Hash{1, 2}}
	signature := ed25519.Sign(private, head.Message("auth/a"))
	if !head.SignedBy(public, "auth/a", signature) {
		t.Fatal("the right one is refused")
	}
	for name, ok := range map[string]bool{
		"another source":    head.SignedBy(public, "auth/b", signature),
		"another number":    Head{N: 8, Hash: head.Hash}.SignedBy(public, "auth/a", signature),
		"another hash":      Head{N: 7}.SignedBy(public, "auth/a", signature),
		"another key":       head.SignedBy(other, "auth/a", signature),
		"nothing":           head.SignedBy(public, "auth/a", nil),
		"one byte more":     head.SignedBy(public, "auth/a", append(signature[:len(signature):len(signature)], 0)),
		"without a purpose": head.SignedBy(public, "auth/a", ed25519.Sign(private, head.Message("auth/a")[len(headPurpose):])),
	} {
		if ok {
			t.Errorf("%s is taken", name)
		}
	}
}
