package auditlink

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"centinela/shared/fault"
	"centinela/shared/outbox"
	"centinela/shared/record"
)

const (
	// MediaType is that of a shipment: NDJSON, a line with its head, and then two
	// lines an event: the envelope and its openings, byte for byte as they were built.
	MediaType = "application/x-ndjson"
	maxLine   = 32 << 10
	maxEvents = 200
)

// ErrShipment is a text that isn't a shipment.
var ErrShipment = fault.New(fault.KindInvalid, fault.CodeInvalidField, "the body is not a shipment of events")

// opening is a shipment's first line.
type opening struct {
	Source    string `json:"source"`
	From      int64  `json:"from"`
	N         int64  `json:"n"`
	Hash      string `json:"hash"`
	Signature string `json:"signature"`
}

// Encode writes a shipment.
func Encode(s outbox.Shipment) ([]byte, error) {
	var out bytes.Buffer
	err := json.NewEncoder(&out).Encode(opening{
		Source: s.Source, From: s.From, N: s.Head.N, Hash: s.Head.Hash.String(), Signature: base64.StdEncoding.EncodeToString(s.Signature),
	})
	for _, e := range s.Entries {
		out.Write(e.Body)
		out.WriteByte('\n')
		out.Write(e.Openings)
		out.WriteByte('\n')
	}
	return out.Bytes(), err
}

// ReadShipment reads a shipment of at most 200 events. It doesn't look into them.
// Errors: ErrShipment, the reader's.
func ReadShipment(body io.Reader) (outbox.Shipment, error) {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 4<<10), maxLine)
	next := func() ([]byte, bool) {
		if !lines.Scan() {
			return nil, false
		}
		return bytes.Clone(lines.Bytes()), true
	}
	failed := func(detail string) (outbox.Shipment, error) {
		if err := lines.Err(); err != nil && !errors.Is(err, bufio.ErrTooLong) {
			return outbox.Shipment{}, err
		}
		return outbox.Shipment{}, ErrShipment.WithDetail(detail)
	}
	first, ok := next()
	if !ok {
		return failed("the first line is missing or too long")
	}
	s, err := head(first)
	if err != nil {
		return outbox.Shipment{}, err
	}
	for {
		envelope, ok := next()
		if !ok {
			break
		}
		openings, ok := next()
		if !ok || len(s.Entries) == maxEvents {
			return failed("an event lacks its openings, or there are more than 200")
		}
		s.Entries = append(s.Entries, record.Sealed{Body: envelope, Openings: openings})
	}
	if lines.Err() != nil {
		return failed("a line is too long")
	}
	return s, nil
}

func head(line []byte) (outbox.Shipment, error) {
	var first opening
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&first); err != nil || decoder.More() {
		return outbox.Shipment{}, ErrShipment.WithDetail("the first line is not the head of a shipment; events of the first version are not taken any more")
	}
	hash, hashErr := hex.DecodeString(first.Hash)
	signature, signatureErr := base64.StdEncoding.DecodeString(first.Signature)
	if hashErr != nil || signatureErr != nil || len(hash) != len(record.Hash{}) {
		return outbox.Shipment{}, ErrShipment.WithDetail("the hash or the signature has another form")
	}
	return outbox.Shipment{Source: first.Source, From: first.From, Head: record.Head{N: first.N, Hash: record.Hash(hash)}, Signature: signature}, nil
}

// held is the answer to a shipment.
type held struct {
	N    int64  `json:"n"`
	Hash string `json:"hash"`
}

func (h held) head() (record.Head, error) {
	hash, err := hex.DecodeString(h.Hash)
	if err != nil || len(hash) != len(record.Hash{}) || h.N < 0 {
		return record.Head{}, fmt.Errorf("audit's answer to a shipment: %w", errForm)
	}
	return record.Head{N: h.N, Hash: record.Hash(hash)}, nil
}

var errForm = errors.New("it has another form")
