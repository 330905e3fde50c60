package auditlink

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	jsonv2 "github.com/go-json-experiment/json"

	"centinela/shared/fault"
	"centinela/shared/record"
)

const (
	// MediaType is that of a shipment: NDJSON, a line with its head, and then two
	// lines an event: the envelope and its openings, byte for byte as they were built.
	MediaType = "application/x-ndjson"
	maxEvents = 200
)

// ErrShipment is a text that isn't a shipment.
var ErrShipment = fault.New(fault.KindInvalid, fault.CodeInvalidField, "the body is not a shipment of events")

// opening is a shipment's first line.
type opening struct {
	Source    string      `json:"source"`
	From      int64       `json:"from"`
	N         int64       `json:"n"`
	Hash      record.Hash `json:"hash"`
	Signature []byte      `json:"signature"` // base64
}

// Encode writes a shipment.
func Encode(s record.Shipment) ([]byte, error) {
	var out bytes.Buffer
	err := json.NewEncoder(&out).Encode(opening{s.Source, s.From, s.Head.N, s.Head.Hash, s.Signature})
	for _, e := range s.Entries {
		out.Write(e.Body)
		out.WriteByte('\n')
		out.Write(e.Openings)
		out.WriteByte('\n')
	}
	return out.Bytes(), err
}

// ReadShipment reads a shipment of at most 200 events. It doesn't look into them.
// The caller bounds the body. Errors: ErrShipment, the reader's.
func ReadShipment(body io.Reader) (record.Shipment, error) {
	text := bytes.NewBuffer(make([]byte, 0, 256<<10)) // 200 events have 240 KB
	if _, err := text.ReadFrom(body); err != nil {
		return record.Shipment{}, err
	}
	line, rest, _ := bytes.Cut(text.Bytes(), newline)
	var first opening
	// Strictly: no member twice, none unknown, nothing behind it.
	if err := jsonv2.Unmarshal(line, &first, jsonv2.RejectUnknownMembers(true)); err != nil {
		return record.Shipment{}, ErrShipment.WithDetail("the first line is not the head of a shipment; events of the first version are not taken any more")
	}
	s := record.Shipment{Source: first.Source, From: first.From, Head: record.Head{N: first.N, Hash: first.Hash}, Signature: first.Signature}
	for len(rest) > 0 {
		var e record.Sealed
		e.Body, rest, _ = bytes.Cut(rest, newline)
		if len(rest) == 0 || len(s.Entries) == maxEvents {
			return record.Shipment{}, ErrShipment.WithDetail("an event lacks its openings, or there are more than 200")
		}
		e.Openings, rest, _ = bytes.Cut(rest, newline)
		s.Entries = append(s.Entries, e)
	}
	return s, nil
}

var newline = []byte("\n")

// held is the answer to a shipment.
type held struct {
	N    int64        `json:"n"`
	Hash *record.Hash `json:"hash"`
}

func (h held) head() (record.Head, error) {
	if h.Hash == nil {
		return record.Head{}, errors.New("audit's answer to a shipment has another form")
	}
	return record.Head{N: h.N, Hash: *h.Hash}, nil
}
