package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"centinela/openapi/gen/gatewayclient"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 8 << 20

// Codes that callers of the SDK tell apart most; the specification
// (openapi/common.yaml, ErrorCode) has all of them.
const (
	CodeTokenExpired       = string(gatewayclient.ErrorCodeTokenExpired)
	CodeTokenInvalid       = string(gatewayclient.ErrorCodeTokenInvalid)
	CodeSessionRevoked     = string(gatewayclient.ErrorCodeSessionRevoked)
	CodeCredentialsInvalid = string(gatewayclient.ErrorCodeCredentialsInvalid)
	CodeUnauthenticated    = string(gatewayclient.ErrorCodeUnauthenticated)
	CodeForbidden          = string(gatewayclient.ErrorCodeForbidden)
	CodeRefusedByFirewall  = string(gatewayclient.ErrorCodeRefusedByFirewall)
	CodeNotAllowedYet      = string(gatewayclient.ErrorCodeRecoveryNotAllowedYet)
	CodeRecoveryEnded      = string(gatewayclient.ErrorCodeRecoveryEnded)
	CodeUnavailable        = string(gatewayclient.ErrorCodeUnavailable)
	CodeInvalidField       = string(gatewayclient.ErrorCodeInvalidField)

	codeNotFound             = string(gatewayclient.ErrorCodeNotFound)
	codeConversationNotFound = string(gatewayclient.ErrorCodeConversationNotFound)
)

// Problem is a refusal of the suite (RFC 9457). Find it with errors.As.
type Problem struct {
	Status     int // of HTTP; 0 where the chat socket refused
	Code       string
	Title      string
	Detail     string
	RequestID  string
	RetryAfter time.Duration // 0: nothing said
	Errors     []FieldProblem
	Recovery   *RecoveryStatus // where the recovery stands that a refused call was about; nil of others
}

// FieldProblem says what is wrong with one field.
type FieldProblem struct{ Pointer, Code, Detail string }

// Error is for people and logs; it never holds what was sent.
func (p *Problem) Error() string {
	var b strings.Builder
	if p.Status != 0 {
		fmt.Fprintf(&b, "%d ", p.Status)
	}
	b.WriteString(p.Code)
	if p.Detail != "" {
		b.WriteString(": " + p.Detail)
	}
	for _, f := range p.Errors {
		fmt.Fprintf(&b, "; %s: %s", f.Pointer, f.Detail)
	}
	if p.RequestID != "" {
		b.WriteString(" (request " + p.RequestID + ")")
	}
	return b.String()
}

// HasCode reports whether err is a Problem with that code.
func HasCode(err error, code string) bool {
	var p *Problem
	return errors.As(err, &p) && p.Code == code
}

// problemOf makes a Problem of an answer that is no success. What doesn't speak
// our problem documents, a proxy in between for example, is told by its status.
func problemOf(status int, header http.Header, body []byte) *Problem {
	p := &Problem{Status: status, Code: "http_" + strconv.Itoa(status), Title: http.StatusText(status), RequestID: header.Get("X-Request-Id")}
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds > 0 {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	var doc gatewayclient.RecoveryProblem // a Problem, and what calls about a recovery say besides
	if json.Unmarshal(body, &doc) != nil || doc.Code == "" {
		return p
	}
	p.Code, p.Title, p.RequestID, p.Recovery = string(doc.Code), doc.Title, doc.RequestId, doc.Recovery
	if doc.Detail != nil {
		p.Detail = *doc.Detail
	}
	if doc.RetryAfter != nil && *doc.RetryAfter > 0 {
		p.RetryAfter = time.Duration(*doc.RetryAfter) * time.Second
	}
	if doc.Errors != nil {
		for _, f := range *doc.Errors {
			p.Errors = append(p.Errors, FieldProblem{Pointer: f.Pointer, Code: string(f.Code), Detail: f.Detail})
		}
	}
	return p
}

// read takes the answer of a call: the T of its JSON when it is a success, a
// *Problem, or what the connection failed with.
func read[T any](res *http.Response, err error) (T, error) {
	var out T
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return out, fmt.Errorf("sdk: read the answer: %w", err)
	case res.StatusCode/100 != 2:
		return out, problemOf(res.StatusCode, res.Header, body)
	case res.StatusCode == http.StatusNoContent:
		return out, nil
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return out, fmt.Errorf("sdk: the answer is not what the specification says: %w", err)
	}
	return out, nil
}
