package e2e

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"sync"
	"testing"

	"centinela/gateway/cli/story"
	"centinela/openapi/sdk"
	"centinela/shared/testkit"
)

// person is somebody with an account and a session.
type person struct {
	name    string
	client  *sdk.Client
	session *sdk.Session
}

// password is long enough, and nobody's.
const password = "seven quiet herons over wet slate"

// join signs somebody up and in.
func (s *world) join(ctx context.Context) person {
	s.t.Helper()
	name := "p" + randomHex(s.t, 8)
	client, err := sdk.New(s.URL, sdk.WithDeviceKey(sdk.NewDeviceKey()), sdk.WithDevAddress(randomAddress(s.t)))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(client.CloseIdle)
	if _, err := client.SignUp(ctx, name, password, "en"); err != nil {
		s.t.Fatalf("sign up: %v", err)
	}
	session, err := client.SignIn(ctx, name, password)
	if err != nil {
		s.t.Fatalf("sign in: %v", err)
	}
	return person{name: name, client: client, session: session}
}

// A security event is written with what it reports: whoever is killed between
// the change and the report, nothing is missing from the record and nothing is
// in it twice (R5.1; design: architecture, "Stores").
func TestKilledServiceLosesNoEvent(t *testing.T) {
	for _, eng := range engines {
		t.Run(string(eng), func(t *testing.T) {
			s := start(t, apart, eng)
			ctx, cancel := context.WithTimeout(context.Background(), scenarioTime)
			defer cancel()
			ana, ben := s.join(ctx), s.join(ctx)
			conversation, err := ana.session.Conversations().Direct(ctx, ben.name)
			if err != nil {
				t.Fatal(err)
			}
			// While audit is away events can only wait in the service that wrote them.
			s.kill("audit")
			for _, c := range []struct {
				service string
				act     func() error
			}{
				{"auth", func() error { _, err := ana.client.SignIn(ctx, ana.name, password); return err }},
				{"recovery", func() error { _, err := ana.session.Phones().Add(ctx, randomMobile(t)); return err }},
				{"chat-relay", func() error { return say(ctx, ana.session, conversation.Id, 3) }},
			} {
				if err := c.act(); err != nil {
					t.Fatalf("%s: %v", c.service, err)
				}
				s.kill(c.service)
				s.restart(c.service)
			}
			s.restart("audit")
			awaitActivity(ctx, t, ana.session, map[string]int{
				"account.created": 1, "session.created": 2, "phone.added": 1, "chat.conversation_created": 1, "messages": 3,
			})
			s.verifyRecord()
		})
	}
}

// audit itself is killed while events come in: what it acknowledged is there,
// what it didn't comes again, and nothing is doubled.
func TestKilledAuditLosesNoEvent(t *testing.T) {
	for _, eng := range engines {
		t.Run(string(eng), func(t *testing.T) {
			s := start(t, apart, eng, "chat_relay.rate.burst=100000")
			ctx, cancel := context.WithTimeout(context.Background(), scenarioTime)
			defer cancel()
			ana, ben := s.join(ctx), s.join(ctx)
			conversation, err := ana.session.Conversations().Direct(ctx, ben.name)
			if err != nil {
				t.Fatal(err)
			}
			const messages = 60
			var wg sync.WaitGroup
			wg.Add(1)
			var sendErr error
			go func() {
				defer wg.Done()
				sendErr = say(ctx, ana.session, conversation.Id, messages)
			}()
			for range 3 {
				s.kill("audit")
				s.restart("audit")
			}
			wg.Wait()
			if sendErr != nil {
				t.Fatal(sendErr)
			}
			awaitActivity(ctx, t, ana.session, map[string]int{"messages": messages})
			s.verifyRecord()
		})
	}
}

// One process that is killed with everything in it comes back with everything.
func TestKilledSuiteLosesNothing(t *testing.T) {
	for _, eng := range engines {
		t.Run(string(eng), func(t *testing.T) {
			s := start(t, together, eng)
			ctx, cancel := context.WithTimeout(context.Background(), scenarioTime)
			defer cancel()
			ana, ben := s.join(ctx), s.join(ctx)
			conversation, err := ana.session.Conversations().Direct(ctx, ben.name)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := say(ctx, ana.session, conversation.Id, 3); err != nil {
					t.Fatal(err)
				}
				s.kill("gateway")
				s.restart("gateway")
			}
			awaitActivity(ctx, t, ana.session, map[string]int{"messages": 9, "account.created": 1})
			s.verifyRecord()
		})
	}
}

// say sends n messages over a socket of its own.
func say(ctx context.Context, session *sdk.Session, conversation string, n int) error {
	chat, err := session.Chat(ctx, sdk.ChatOptions{})
	if err != nil {
		return err
	}
	defer chat.Close()
	for i := range n {
		if _, err := chat.Send(ctx, conversation, "message "+strconv.Itoa(i)); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
	}
	return nil
}

// awaitActivity waits until the person's record has exactly so many of each
// action, and tells of so many "messages", each once.
func awaitActivity(ctx context.Context, t *testing.T, session *sdk.Session, want map[string]int) {
	t.Helper()
	testkit.Eventually(t, settleTime, func() (bool, string) {
		got, next := map[string]int{}, map[any]float64{}
		for event, err := range session.Activity(ctx, sdk.AllActivity) { // newest first
			if err != nil {
				return false, err.Error()
			}
			got[event.Action]++
			got["messages"] += story.Messages(event)
			for _, room := range rooms(event) {
				if later, ok := next[room["id"]]; ok && room["last"].(float64) >= later {
					return false, fmt.Sprintf("message %v of %v is in two digests", room["last"], room["id"])
				}
				next[room["id"]] = room["first"].(float64)
			}
		}
		for action, n := range want {
			if got[action] != n {
				return false, fmt.Sprintf("%s: %d times, want %d (all: %v)", action, got[action], n, got)
			}
		}
		return true, ""
	})
}

// rooms are the conversations that a digest tells of.
func rooms(event sdk.Activity) (rooms []map[string]any) {
	if event.Action != "chat.activity" || event.Data == nil {
		return nil
	}
	list, _ := (*event.Data)["rooms"].([]any)
	for _, room := range list {
		rooms = append(rooms, room.(map[string]any))
	}
	return rooms
}

func randomHex(t *testing.T, n int) string {
	t.Helper()
	b := make([]byte, n/2)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b)
}

// randomAddress is one of the documentation prefixes (RFC 3849).
func randomAddress(t *testing.T) string {
	t.Helper()
	return "2001:db8:" + randomHex(t, 4) + ":" + randomHex(t, 4) + "::1"
}

// randomMobile is a Peruvian mobile number that nobody is called at here.
func randomMobile(t *testing.T) string {
	t.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("+519%08d", n)
}
