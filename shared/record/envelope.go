package record

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"centinela/shared/fault"
	"centinela/shared/id"
)

// version is that of the envelope.
const version = 2

// What data holds beside what the service put there.
const (
	dataTarget      = "target"
	dataReason      = "reason"
	dataCorrelation = "correlation_id"
)

// The personal fields, as they are named in committed and in the openings, in
// the order of their names.
const (
	fieldAccount   = "account"
	fieldAddress   = "address"
	fieldDevice    = "device"
	fieldSession   = "session"
	fieldSubject   = "subject"
	fieldUserAgent = "user_agent"
)

// personal is each personal field with its bound in bytes.
var personal = []struct {
	name  string
	limit int
}{{fieldAccount, 64}, {fieldAddress, 64}, {fieldDevice, 64}, {fieldSession, 64}, {fieldSubject, 192}, {fieldUserAgent, 512}}

func limitOf(field string) int {
	for _, p := range personal {
		if p.name == field {
			return p.limit
		}
	}
	return 0
}

// field is where the event has a personal field.
func (e *Event) field(name string) *string {
	switch name {
	case fieldAccount:
		return &e.Account
	case fieldAddress:
		return &e.Address
	case fieldDevice:
		return &e.Device
	case fieldSession:
		return &e.Session
	case fieldSubject:
		return &e.Subject
	case fieldUserAgent:
		return &e.UserAgent
	}
	return nil
}

const (
	saltBytes       = 16
	saltLength      = 22 // of base64url
	commitLength    = 43 // of base64url over SHA-256
	maxBody         = maxData + 4<<10
	maxOpenings     = 4 << 10
	maxTimeAhead    = 7258118400000 // 2200-01-01, in ms: no clock of ours, travelled or real, is beyond it
	maxTimeBehind   = 946684800000  // 2000-01-01
	canonicalOffset = 512
)

// Sealed is an event as it travels and is stored.
type Sealed struct {
	// Body is the envelope in canonical form (RFC 8785): {action, class, committed,
	// data, id, n, outcome, src, time, v}; time in milliseconds since 1970 UTC.
	Body []byte
	// Openings is a JSON array of [salt, name, value], one for each committed
	// field, in the order of the names. A commitment is the base64url SHA-256 over
	// the bytes of such an inner array, as an SD-JWT's is over its disclosure.
	Openings []byte
}

// Seal builds the event's envelope as number n of source ("service/instance").
// It is done once, where the event is written. The error names what of the event
// has no place in the record, never a value.
func (e Event) Seal(source string, n int64) (Sealed, error) {
	if err := e.check(source, n); err != nil {
		return Sealed{}, fmt.Errorf("event %s: %w", e.Action, err)
	}
	body := make([]byte, 0, canonicalOffset)
	body = append(append(body, `{"action":"`...), e.Action...)
	body = append(append(body, `","class":"`...), ClassOf(e.Action)...)
	body = append(body, `","committed":`...)
	body, openings, err := e.commit(body)
	if err != nil {
		return Sealed{}, fmt.Errorf("event %s: %w", e.Action, err)
	}
	body = append(body, `,"data":`...)
	before := len(body)
	if body, err = appendData(body, e.whole(), maxDepth); err != nil {
		return Sealed{}, fmt.Errorf("event %s: data: %w", e.Action, err)
	}
	if len(body)-before > maxData {
		return Sealed{}, fmt.Errorf("event %s: data: more than %d bytes", e.Action, maxData)
	}
	body = append(append(body, `,"id":"`...), e.ID...)
	body = strconv.AppendInt(append(body, `","n":`...), n, 10)
	body = append(append(body, `,"outcome":"`...), e.Outcome...)
	body = append(append(body, `","src":"`...), source...)
	body = strconv.AppendInt(append(body, `","time":`...), e.Time.UnixMilli(), 10)
	body = append(body, `,"v":2}`...)
	return Sealed{Body: body, Openings: openings}, nil
}

// whole is the data with what the envelope adds to it.
func (e Event) whole() Data {
	all := make(Data, len(e.Data)+3)
	maps.Copy(all, e.Data)
	for name, value := range map[string]string{dataTarget: e.Target, dataReason: bounded(e.Reason, maxReason), dataCorrelation: e.RequestID} {
		if value != "" {
			all[name] = value
		}
	}
	return all
}

// commit appends the object of commitments, and makes their openings.
func (e Event) commit(body []byte) (_, openings []byte, err error) {
	body, openings = append(body, '{'), append(make([]byte, 0, canonicalOffset), '[')
	for _, p := range personal {
		value := *e.field(p.name)
		if value == "" {
			continue
		}
		if len(openings) > 1 {
			body, openings = append(body, ','), append(openings, ',')
		}
		from := len(openings)
		if openings, err = appendOpening(openings, p.name, value); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.name, err)
		}
		body = append(append(append(body, '"'), p.name...), `":"`...)
		body = append(appendCommitment(body, openings[from:]), '"')
	}
	return append(body, '}'), append(openings, ']'), nil
}

func appendOpening(dst []byte, name, value string) ([]byte, error) {
	var salt [saltBytes]byte
	rand.Read(salt[:]) // never fails (crypto/rand, Go 1.24)
	dst = base64.RawURLEncoding.AppendEncode(append(dst, `["`...), salt[:])
	dst = append(append(append(dst, `","`...), name...), `",`...)
	dst, err := jsontext.AppendQuote(dst, value)
	return append(dst, ']'), err
}

func appendCommitment(dst, opening []byte) []byte {
	sum := sha256.Sum256(opening)
	return base64.RawURLEncoding.AppendEncode(dst, sum[:])
}

// ErrInvalid is an event that breaks the form; its detail says where.
var ErrInvalid = fault.New(fault.KindInvalid, fault.CodeInvalidField, "the event is not valid")

// check holds a draft to the form.
func (e Event) check(source string, n int64) error {
	service, instance, ok := strings.Cut(source, "/")
	switch {
	case !ok || !plainName(service, maxService) || !plainName(instance, maxSource-maxService-1) || service != e.Service:
		return ErrInvalid.WithDetail("the source is not an instance of the event's service")
	case n < 1 || n > maxInt:
		return ErrInvalid.WithDetail("n is out of range")
	case !id.Valid(idPrefix, e.ID):
		return ErrInvalid.WithDetail("the id is not that of an event")
	case !Known(e.Action):
		return ErrInvalid.WithDetail("the action is not known")
	case e.Outcome != Success && e.Outcome != Failure && e.Outcome != Refused:
		return ErrInvalid.WithDetail("the outcome is not known")
	case !possible(e.Time.UnixMilli()):
		return ErrInvalid.WithDetail("the time is not between the years 2000 and 2200")
	case len(e.Target) > maxTarget || len(e.RequestID) > maxRequestID:
		return ErrInvalid.WithDetail("the target or the request id is too long")
	}
	for _, p := range personal {
		if value := *e.field(p.name); len(value) > p.limit || !utf8.ValidString(value) {
			return ErrInvalid.WithDetail(p.name + " is too long, or not UTF-8")
		}
	}
	for _, reserved := range [...]string{dataTarget, dataReason, dataCorrelation} {
		if _, taken := e.Data[reserved]; taken {
			return ErrInvalid.WithDetail("data has a member " + reserved)
		}
	}
	for name := range e.Data {
		if limitOf(name) != 0 {
			return inClear(name)
		}
	}
	return nil
}

func inClear(name string) error {
	return ErrInvalid.WithDetail("data has the personal field " + name + " in clear")
}

func possible(millis int64) bool { return millis >= maxTimeBehind && millis < maxTimeAhead }

// plainName is what stands in a source and needs no escape: a-z, 0-9 and the hyphen.
func plainName(s string, limit int) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= limit
}

// Envelope is a sealed event that was read.
type Envelope struct {
	Sealed
	Source string // service/instance
	N      int64  // of this source, from 1, without a gap
	Class  Class
	// Event is without Data; its personal fields are those that were disclosed.
	Event Event

	committed map[string]string // name → commitment
	data      []byte            // canonical, a part of Body
	bare      string            // a personal field that stands in data
}

// Parse reads the bytes of an envelope. They must be canonical: another spelling
// of the same event is refused. Errors: ErrInvalid.
func Parse(body []byte) (Envelope, error) {
	env := Envelope{Sealed: Sealed{Body: body}}
	if len(body) > maxBody {
		return env, ErrInvalid.WithDetail("the envelope is too long")
	}
	r := &reader{s: string(body)}
	e := &env.Event
	r.expect(`{"action":`)
	e.Action = r.text()
	r.expect(`,"class":`)
	env.Class = Class(r.text())
	r.expect(`,"committed":`)
	r.object(1, func(name string) {
		commitment := r.text()
		if limitOf(name) == 0 || len(commitment) != commitLength {
			r.fail()
			return
		}
		if env.committed == nil {
			env.committed = make(map[string]string, len(personal))
		}
		env.committed[name] = commitment
	})
	r.expect(`,"data":`)
	from := r.i
	r.object(maxDepth, func(name string) { env.member(r, name) })
	env.data = body[from:r.i]
	r.expect(`,"id":`)
	e.ID = r.text()
	r.expect(`,"n":`)
	env.N = r.whole()
	r.expect(`,"outcome":`)
	e.Outcome = r.text()
	r.expect(`,"src":`)
	env.Source = r.text()
	r.expect(`,"time":`)
	e.Time = time.UnixMilli(r.whole()).UTC()
	r.expect(`,"v":` + strconv.Itoa(version) + `}`)
	if err := r.end(); err != nil {
		return env, ErrInvalid.WithDetail("the envelope is " + err.Error())
	}
	e.Service, _, _ = strings.Cut(env.Source, "/")
	if env.bare != "" {
		return env, inClear(env.bare)
	}
	if len(env.data) > maxData || len(e.Reason) > maxReason {
		return env, ErrInvalid.WithDetail("the data is too long")
	}
	if err := e.check(env.Source, env.N); err != nil {
		return env, err
	}
	if env.Class != ClassOf(e.Action) {
		return env, ErrInvalid.WithDetail("the class is not that of the action")
	}
	return env, nil
}

// member takes a member of data.
func (env *Envelope) member(r *reader, name string) {
	switch name {
	case dataTarget:
		env.Event.Target = r.text()
	case dataReason:
		env.Event.Reason = r.text()
	case dataCorrelation:
		env.Event.RequestID = r.text()
	default:
		if limitOf(name) != 0 {
			env.bare = name
		}
		r.value(maxDepth - 1)
	}
}

// Disclose checks the openings against the commitments, one for each and none
// beside, and fills the personal fields in. Errors: ErrInvalid.
func (env *Envelope) Disclose(openings []byte) error {
	if len(openings) > maxOpenings {
		return ErrInvalid.WithDetail("the openings are too long")
	}
	r := &reader{s: string(openings)}
	r.expect("[")
	opened := 0
	for r.err == nil && !r.next(']') {
		if opened > 0 {
			r.expect(",")
		}
		from := r.i
		r.expect("[")
		salt := r.text()
		r.expect(",")
		name := r.text()
		r.expect(",")
		value := r.text()
		r.expect("]")
		if r.err != nil {
			break
		}
		var sum [commitLength]byte
		if len(salt) != saltLength || value == "" || string(appendCommitment(sum[:0], openings[from:r.i])) != env.committed[name] {
			return ErrInvalid.WithDetail("an opening doesn't fit its commitment")
		}
		field := env.Event.field(name)
		if *field != "" || len(value) > limitOf(name) {
			return ErrInvalid.WithDetail("an opening comes twice, or is too long")
		}
		*field = value
		opened++
	}
	if err := r.end(); err != nil {
		return ErrInvalid.WithDetail("the openings are " + err.Error())
	}
	if opened != len(env.committed) {
		return ErrInvalid.WithDetail("a commitment has no opening")
	}
	env.Openings = openings
	return nil
}

// Personal reports whether the envelope commits to any personal field.
func (env *Envelope) Personal() bool { return len(env.committed) > 0 }

// Data is the event's data without the envelope's own members.
func (env *Envelope) Data() Data {
	var all Data
	if json.Unmarshal(env.data, &all) != nil { // can't be: Parse has read it
		return nil
	}
	delete(all, dataTarget)
	delete(all, dataReason)
	delete(all, dataCorrelation)
	return all
}
