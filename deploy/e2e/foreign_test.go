package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"centinela/openapi/sdk"
)

// owned are the ids of things that belong to somebody.
type owned struct{ session, phone, conversation, recovery, verdict string }

// possessions makes one of each.
func (s *world) possessions(t *testing.T, owner, friend person) owned {
	t.Helper()
	ctx := t.Context()
	phone, err := owner.session.Phones().Add(ctx, randomMobile(t))
	if err != nil {
		t.Fatal(err)
	}
	conversation, err := owner.session.Conversations().Direct(ctx, friend.name)
	if err != nil {
		t.Fatal(err)
	}
	if err := say(ctx, owner.session, conversation.Id, 1); err != nil {
		t.Fatal(err)
	}
	recovery, _, err := owner.client.StartRecovery(ctx, owner.name)
	if err != nil {
		t.Fatal(err)
	}
	operator, err := owner.client.Operator(s.operatorKey())
	if err != nil {
		t.Fatal(err)
	}
	minute := 60
	verdict, err := operator.AddVerdict(ctx, sdk.NewVerdict{Subjects: []sdk.Subject{{Kind: "ip", Value: randomAddress(t)}}, Action: "refuse", TtlSeconds: &minute, Reason: "a test"})
	if err != nil {
		t.Fatal(err)
	}
	return owned{owner.session.Tokens().Session, phone.Id, conversation.Id, recovery.ID, verdict.Id}
}

var requestID = regexp.MustCompile(`"request_id":"[^"]*"`)

// seen is an answer without what differs between any two.
func (a answer) seen(id string) string {
	body := requestID.ReplaceAllString(strings.ReplaceAll(a.body, id, "ID"), "")
	return fmt.Sprintf("%d %s %s", a.status, a.header.Get("Content-Type"), body)
}

// unknown is an id of the same form that nobody has.
func unknown(t *testing.T, id string) string {
	t.Helper()
	prefix, random, ok := strings.Cut(id, "_")
	if !ok || len(random) != 24 {
		t.Fatalf("the id %q has another form", id)
	}
	return prefix + "_" + randomHex(t, 24)
}

// R4.1: whoever asks with the id of something that is not theirs learns and
// changes nothing: the answer is the one for an id that nobody has.
func TestForeignIDs(t *testing.T) {
	for _, top := range topologies {
		t.Run(string(top), func(t *testing.T) {
			s := start(t, top, onSQLite)
			ctx := t.Context()
			ana, ben, mal := s.join(ctx), s.join(ctx), s.join(ctx)
			theirs := s.possessions(t, ana, ben)
			own, _, err := mal.client.StartRecovery(ctx, mal.name)
			if err != nil {
				t.Fatal(err)
			}
			person := "Bearer " + mal.session.Tokens().Access
			stranger := "Recovery " + own.Secret
			for name, c := range map[string]struct{ method, path, id, body, as string }{
				"end a session":           {"DELETE", "/v1/sessions/%s", theirs.session, "", person},
				"retire a phone":          {"DELETE", "/v1/me/phones/%s", theirs.phone, "", person},
				"send a phone's code":     {"POST", "/v1/me/phones/%s/codes", theirs.phone, "", person},
				"verify a phone":          {"POST", "/v1/me/phones/%s/verification", theirs.phone, `{"code":"12345678"}`, person},
				"keep a phone":            {"POST", "/v1/me/phones/%s/kept", theirs.phone, "", person},
				"see a conversation":      {"GET", "/v1/conversations/%s", theirs.conversation, "", person},
				"read a conversation":     {"GET", "/v1/conversations/%s/messages", theirs.conversation, "", person},
				"see a recovery":          {"GET", "/v1/recoveries/%s", theirs.recovery, "", stranger},
				"send a recovery's code":  {"POST", "/v1/recoveries/%s/codes", theirs.recovery, "{}", stranger},
				"give evidence":           {"POST", "/v1/recoveries/%s/evidence", theirs.recovery, `{"method":"sms","code":"12345678"}`, stranger},
				"complete a recovery":     {"POST", "/v1/recoveries/%s/completion", theirs.recovery, `{"new_password":"` + password + ` anew"}`, stranger},
				"stop a recovery":         {"DELETE", "/v1/me/recoveries/%s", theirs.recovery, "", person},
				"lift a verdict":          {"DELETE", "/v1/operator/verdicts/%s", theirs.verdict, "", person},
				"lift it as an operator":  {"DELETE", "/v1/operator/verdicts/%s", theirs.verdict, "", "Operator " + mal.session.Tokens().Access},
				"a session as a recovery": {"GET", "/v1/recoveries/%s", theirs.recovery, "", person},
			} {
				t.Run(name, func(t *testing.T) {
					header := map[string]string{"Authorization": c.as}
					if c.body != "" {
						header["Content-Type"] = "application/json"
					}
					nobodys := unknown(t, c.id)
					a, b := s.call(t, c.method, fmt.Sprintf(c.path, c.id), c.body, header), s.call(t, c.method, fmt.Sprintf(c.path, nobodys), c.body, header)
					if a.seen(c.id) != b.seen(nobodys) {
						t.Errorf("theirs:   %s\nnobody's: %s", a.seen(c.id), b.seen(nobodys))
					}
					if a.status < 400 || a.status >= 500 {
						t.Errorf("answered %d %s", a.status, a.body)
					}
					a.checkProblem(t, "")
				})
			}
			foreignFrames(t, s, mal, theirs.conversation)
			// None of it did anything to what is ana's.
			if _, err := ana.session.Me(ctx); err != nil {
				t.Errorf("ana's session: %v", err)
			}
			phones, err := ana.session.Phones().List(ctx)
			if err != nil || len(phones) != 1 || phones[0].Id != theirs.phone {
				t.Errorf("ana's phones: %v, %v", phones, err)
			}
		})
	}
}

// foreignFrames: the same on the socket.
func foreignFrames(t *testing.T, s *world, mal person, theirs string) {
	nobodys := unknown(t, theirs)
	for name, frame := range map[string]string{
		"write": `{"type":"send","client_id":"x","conversation":"%s","kind":"text","text":"hello"}`,
		"page":  `{"type":"history","conversation":"%s","limit":10}`,
		"type":  `{"type":"typing","conversation":"%s"}`,
	} {
		t.Run(name+" over the socket", func(t *testing.T) {
			conn := s.greeted(t, mal)
			a, b := exchange(t, conn, fmt.Sprintf(frame, theirs)), exchange(t, conn, fmt.Sprintf(frame, nobodys))
			if strings.ReplaceAll(a, theirs, "ID") != strings.ReplaceAll(b, nobodys, "ID") || !strings.Contains(a, `"refused"`) {
				t.Errorf("theirs:   %s\nnobody's: %s", a, b)
			}
		})
	}
	t.Run("resume over the socket", func(t *testing.T) {
		hello := `{"type":"hello","resume":{"%s":0}}`
		a, b := s.hello(t, mal, fmt.Sprintf(hello, theirs)), s.hello(t, mal, fmt.Sprintf(hello, nobodys))
		if strings.ReplaceAll(a, theirs, "ID") != strings.ReplaceAll(b, nobodys, "ID") {
			t.Errorf("theirs:   %s\nnobody's: %s", a, b)
		}
	})
}

// greeted opens a socket that is ready.
func (s *world) greeted(t *testing.T, who person) *websocket.Conn {
	t.Helper()
	return s.greetedFrom(t, who, randomAddress(t))
}

// hello is what a first frame is answered with, up to a pong that was asked for
// behind it: types and codes, without what differs between any two sockets.
func (s *world) hello(t *testing.T, who person, frame string) string {
	t.Helper()
	conn, _, err := s.dial(map[string]string{"Authorization": "Bearer " + who.session.Tokens().Access})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have been first
	got := exchange(t, conn, frame)
	var answers []string
	for ; ; got = next(t, conn) {
		var f map[string]any
		if err := json.Unmarshal([]byte(got), &f); err != nil {
			t.Fatal(err)
		}
		if f["type"] == "pong" {
			return strings.Join(answers, "\n")
		}
		if f["type"] == "welcome" {
			got = "welcome" // it names a session and a time
			if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`)); err != nil {
				t.Fatal(err)
			}
		}
		answers = append(answers, got)
	}
}
