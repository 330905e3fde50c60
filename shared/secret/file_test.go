package secret

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestLoadKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "pepper.key")
	if _, err := LoadKey(path, false); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "create it") {
		t.Errorf("missing: %v", err)
	}
	made, err := LoadKey(path, true)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadKey(path, false)
	if err != nil || again.ID != made.ID || !Equal(again.MAC("p"), made.MAC("p")) {
		t.Errorf("read again: %v", err)
	}
	if mode(t, path) != 0o600 || mode(t, filepath.Dir(path)) != 0o700 {
		t.Errorf("modes %o in %o", mode(t, path), mode(t, filepath.Dir(path)))
	}
}

func TestLoadKeyRefuses(t *testing.T) {
	body := strings.Repeat("QUFB", 10) + "QUE=" // 32 bytes
	tests := map[string]struct {
		body string
		mode os.FileMode
		want string
	}{
		"group may read": {body, 0o640, "chmod 600"},
		"world may read": {body, 0o604, "chmod 600"},
		"too short":      {body[4:], 0o600, "32 bytes in base64"},
		"no base64":      {"hunter2", 0o600, "32 bytes in base64"},
		"empty":          {"", 0o600, "32 bytes in base64"},
		"huge":           {strings.Repeat("A", maxKeyFile+1), 0o600, "not a key file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.key")
			if err := os.WriteFile(path, []byte(test.body), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			for _, create := range []bool{false, true} {
				_, err := LoadKey(path, create)
				if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
					t.Fatalf("got %v", err)
				}
				if test.body != "" && strings.Contains(err.Error(), test.body) {
					t.Error("the error shows the key")
				}
			}
		})
	}
	if _, err := LoadKey(t.TempDir(), false); err == nil {
		t.Error("a folder is a key")
	}
}

func TestLoadSigner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.key")
	if _, err := LoadSigner(path, false); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("missing: %v", err)
	}
	key, err := LoadSigner(path, true)
	if err != nil {
		t.Fatal(err)
	}
	pub := filepath.Join(filepath.Dir(path), "auth.pub")
	public, err := LoadPublic(pub)
	if err != nil || !ed25519.Verify(public, []byte("m"), ed25519.Sign(key, []byte("m"))) {
		t.Errorf("the public key doesn't fit: %v", err)
	}
	if mode(t, path) != 0o600 || mode(t, pub) != 0o644 {
		t.Errorf("modes %o, %o", mode(t, path), mode(t, pub))
	}
	// Stopped between the two files, the next start completes them.
	if err := os.Remove(pub); err != nil {
		t.Fatal(err)
	}
	if again, err := LoadSigner(path, true); err != nil || !again.Equal(key) {
		t.Fatalf("read again: %v", err)
	}
	if again, err := LoadPublic(pub); err != nil || !again.Equal(public) {
		t.Errorf("the public key didn't come back: %v", err)
	}
}

// Several processes that start on an empty folder must agree on the key.
func TestCreateRace(t *testing.T) {
	folder := t.TempDir()
	var mu sync.Mutex
	ids, publics := map[string]bool{}, map[string]bool{}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			key, err := LoadKey(filepath.Join(folder, "a.key"), true)
			if err != nil {
				t.Error(err)
				return
			}
			signer, err := LoadSigner(filepath.Join(folder, "b.key"), true)
			if err != nil {
				t.Error(err)
				return
			}
			public, err := LoadPublic(filepath.Join(folder, "b.pub"))
			if err != nil || !public.Equal(signer.Public()) {
				t.Errorf("public key: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			ids[key.ID], publics[string(public)] = true, true
		})
	}
	all.Wait()
	if len(ids) != 1 || len(publics) != 1 {
		t.Errorf("%d keys and %d signers", len(ids), len(publics))
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 3 {
		t.Errorf("files left behind: %v, %v", left, err)
	}
}

func TestLoadSignerRefuses(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(other.Public())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.key")
	for name, body := range map[string][]byte{
		"no PEM": []byte("hunter2"), "no DER": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}),
		"other private key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		"other public key":  pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
	} {
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadSigner(path, true); err == nil || !strings.Contains(err.Error(), "Ed25519") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s as signer: %v", name, err)
		}
		if _, err := LoadPublic(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s as public key: %v", name, err)
		}
	}
}
