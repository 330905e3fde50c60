package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func message(opcode, flags uint32, body string) []byte {
	m := make([]byte, headerSize+4, headerSize+4+len(body))
	binary.LittleEndian.PutUint32(m[12:], opcode)
	binary.LittleEndian.PutUint32(m[headerSize:], flags)
	m = append(m, body...)
	binary.LittleEndian.PutUint32(m, uint32(len(m)))
	return m
}

// Whatever a driver asks for, one request has one reply: anything else would
// break the lock around the pair.
func TestSingleReply(t *testing.T) {
	for name, c := range map[string]struct {
		in, out    []byte
		wantsReply bool
	}{
		"plain":           {message(opMsg, 0, "body"), message(opMsg, 0, "body"), true},
		"streaming hello": {message(opMsg, exhaustAllowed, "body"), message(opMsg, 0, "body"), true},
		"unacknowledged":  {message(opMsg, moreToCome, "body"), message(opMsg, 0, "body"), false},
		"with checksum":   {message(opMsg, checksum|exhaustAllowed, "bodyCRC!"), message(opMsg, 0, "body"), true},
		"old query":       {message(2004, moreToCome, "body"), message(2004, moreToCome, "body"), true},
	} {
		t.Run(name, func(t *testing.T) {
			out, wantsReply := singleReply(c.in)
			if !bytes.Equal(out, c.out) || wantsReply != c.wantsReply {
				t.Errorf("%q, %v; want %q, %v", out, wantsReply, c.out, c.wantsReply)
			}
		})
	}
}

func TestReadMessageRefusesLengths(t *testing.T) {
	for _, size := range []uint32{0, headerSize - 1, maxMessage + 1} {
		if _, err := readMessage(bytes.NewReader(binary.LittleEndian.AppendUint32(nil, size))); err != errBadLength {
			t.Errorf("length %d: %v", size, err)
		}
	}
}

// The lock spans the request and its reply: a second client's request reaches
// the server only after the first one's reply.
func TestOneRequestAtATime(t *testing.T) {
	arrived := make(chan net.Conn)
	p := &proxy{dial: func() (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			for {
				if _, err := readMessage(far); err != nil {
					return
				}
				arrived <- far
			}
		}()
		return near, nil
	}}
	reply := message(opMsg, 0, "reply")
	clients := make(chan []byte)
	for range 2 {
		near, far := net.Pipe()
		go p.relay(far)
		go func() {
			if _, err := near.Write(message(opMsg, 0, "request")); err != nil {
				t.Error(err)
			}
			got, err := readMessage(near)
			if err != nil {
				t.Error(err)
			}
			clients <- got
		}()
	}
	first := <-arrived
	select {
	case <-arrived:
		t.Error("the second request arrived before the first reply")
	case <-time.After(50 * time.Millisecond): // nothing to wait for: absence is what is tested
	}
	for _, server := range []net.Conn{first, nil} {
		if server == nil {
			server = <-arrived
		}
		if _, err := server.Write(reply); err != nil {
			t.Fatal(err)
		}
		if got := <-clients; !bytes.Equal(got, reply) {
			t.Errorf("got %q", got)
		}
	}
	p.close()
}

// It prints its URI, ends with its stdin, and leaves no folder.
func TestRunEndsWithStdin(t *testing.T) {
	stdin, owner := io.Pipe()
	lines, stdout := io.Pipe()
	ended := make(chan error, 1)
	before := folders(t)
	go func() { ended <- run(stdin, stdout) }()
	line := make([]byte, 100)
	n, err := lines.Read(line)
	if err != nil || !strings.HasPrefix(string(line[:n]), "MONGODB_URI=mongodb://127.0.0.1:") {
		t.Fatalf("printed %q, %v", line[:n], err)
	}
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for path := range folders(t) {
		if _, ok := before[path]; !ok {
			if _, err := os.Stat(filepath.Join(path, "db.sock")); err != nil {
				t.Errorf("left %s", path)
			}
		}
	}
}

func folders(t *testing.T) map[string]struct{} {
	t.Helper()
	found := map[string]struct{}{}
	for _, base := range []string{"/dev/shm", os.TempDir()} {
		paths, err := filepath.Glob(filepath.Join(base, folderPattern+"*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			found[path] = struct{}{}
		}
	}
	return found
}

// What a killed process left is removed, what a living one uses is not.
func TestSweep(t *testing.T) {
	base := t.TempDir()
	used, left := filepath.Join(base, folderPattern+"used"), filepath.Join(base, folderPattern+"left")
	for _, path := range []string{used, left} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		lock, err := tryLock(path)
		if err != nil {
			t.Fatal(err)
		}
		if path == left {
			if err := lock.Close(); err != nil {
				t.Fatal(err)
			}
		} else {
			defer lock.Close() //nolint:errcheck // the folder goes with the test
		}
	}
	old := time.Now().Add(-2 * sweepAge)
	for _, path := range []string{used, left} {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	sweep(base)
	if _, err := os.Stat(used); err != nil {
		t.Error("a folder in use was removed")
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("a left-over stayed")
	}
}
