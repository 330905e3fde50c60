package sdk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestCalls: each method is its operation of the specification: method, path, query, authorization, body, status.
func TestCalls(t *testing.T) {
	const phn = "phn_1"
	clock := map[string]any{"now": "2030-01-01T00:00:00Z", "offset_seconds": 3600}
	none := any(nil)
	obj := map[string]any{}
	for _, c := range []struct {
		want   string // METHOD path?query body, with Authorization's scheme in front
		status int
		answer any
		do     func(context.Context, *Client, *Session, *Recovery) error
	}{
		{`- POST /v1/accounts {"locale":"es","password":"pw","user_name":"ana"}`, 201, obj, func(ctx context.Context, c *Client, _ *Session, _ *Recovery) error {
			_, err := c.SignUp(ctx, "ana", "pw", "es")
			return err
		}},
		{`Bearer GET /v1/sessions `, 200, map[string]any{"sessions": []any{obj, obj}}, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			list, err := s.Sessions(ctx)
			return exactly(len(list), 2, err)
		}},
		{`Bearer DELETE /v1/sessions/ses_2 `, 204, none, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			return s.RevokeSession(ctx, "ses_2")
		}},
		{`Bearer DELETE /v1/sessions/ses_1 `, 204, none, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error { return s.SignOut(ctx) }},
		{`Bearer DELETE /v1/sessions `, 200, map[string]any{"revoked": 3}, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			n, err := s.RevokeOthers(ctx)
			return exactly(n, 3, err)
		}},
		{`Bearer PUT /v1/me/password {"current_password":"a","new_password":"b"}`, 204, none, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			return s.ChangePassword(ctx, "a", "b")
		}},
		{`Bearer POST /v1/me/saved-codes `, 201, map[string]any{"saved_codes": []string{"a", "b", "c", "d"}}, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			codes, err := s.IssueSavedCodes(ctx)
			return exactly(len(codes), 4, err)
		}},
		{`Bearer POST /v1/me/phones {"number":"+51987654321"}`, 201, obj, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			_, err := s.Phones().Add(ctx, "+51987654321")
			return err
		}},
		{`Bearer POST /v1/me/phones/phn_1/verification {"code":"12345678"}`, 200, obj, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			_, err := s.Phones().Verify(ctx, phn, "12345678")
			return err
		}},
		{`Bearer POST /v1/me/phones/phn_1/codes `, 202, map[string]any{"resend_after": 30}, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			d, err := s.Phones().SendCode(ctx, phn)
			return exactly(d, 30*time.Second, err)
		}},
		{`Bearer GET /v1/me/phones `, 200, map[string]any{"phones": []any{obj}}, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			list, err := s.Phones().List(ctx)
			return exactly(len(list), 1, err)
		}},
		{`Bearer DELETE /v1/me/phones/phn_1 `, 200, obj, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			_, err := s.Phones().Retire(ctx, phn)
			return err
		}},
		{`Bearer POST /v1/me/phones/phn_1/kept `, 200, obj, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			_, err := s.Phones().Keep(ctx, phn)
			return err
		}},
		{`Bearer GET /v1/me/recoveries `, 200, map[string]any{"recoveries": []any{obj}}, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			list, err := s.Recoveries(ctx)
			return exactly(len(list), 1, err)
		}},
		{`- POST /v1/recoveries {"device":{"key":"` + deviceKey + `"},"identifier":"ana"}`, 202, map[string]any{"recovery": map[string]any{"id": "rec_9"}, "secret": "s9"}, func(ctx context.Context, c *Client, _ *Session, _ *Recovery) error {
			r, _, err := c.StartRecovery(ctx, "ana")
			if err == nil && (r.ID != "rec_9" || r.Secret != "s9") {
				err = errors.New("another recovery")
			}
			return err
		}},
		{`Recovery GET /v1/recoveries/rec_1 `, 200, obj, func(ctx context.Context, _ *Client, _ *Session, r *Recovery) error {
			_, err := r.State(ctx)
			return err
		}},
		{`Recovery POST /v1/recoveries/rec_1/codes {}`, 202, obj, func(ctx context.Context, _ *Client, _ *Session, r *Recovery) error {
			_, err := r.SendCode(ctx, "")
			return err
		}},
		{`Recovery POST /v1/recoveries/rec_1/codes {"number":"+51987654321"}`, 202, obj, func(ctx context.Context, _ *Client, _ *Session, r *Recovery) error {
			_, err := r.SendCode(ctx, "+51987654321")
			return err
		}},
		{`Recovery POST /v1/recoveries/rec_1/evidence {"code":"x","method":"saved_code"}`, 200, obj, func(ctx context.Context, _ *Client, _ *Session, r *Recovery) error {
			_, err := r.Evidence(ctx, SavedCode, "x")
			return err
		}},
		{`Recovery POST /v1/recoveries/rec_1/completion {"new_password":"n"}`, 200, obj, func(ctx context.Context, _ *Client, _ *Session, r *Recovery) error {
			_, err := r.Complete(ctx, "n")
			return err
		}},
		{`- POST /v1/recoveries/veto {"token":"t"}`, 200, map[string]any{"outcome": "stopped"}, func(ctx context.Context, c *Client, _ *Session, _ *Recovery) error {
			said, err := c.Veto(ctx, "t")
			if err == nil && said.Outcome != "stopped" {
				err = errors.New("another outcome")
			}
			return err
		}},
		{`Bearer DELETE /v1/me/recoveries/rec_1 `, 204, none, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			return s.StopRecovery(ctx, "rec_1")
		}},
		{`Bearer POST /v1/conversations {"kind":"direct","members":["ben"]}`, 201, obj, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			_, err := s.Conversations().Direct(ctx, "ben")
			return err
		}},
		{`Bearer POST /v1/conversations {"kind":"group","members":["ben","eva"],"title":"three"}`, 201, obj, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			_, err := s.Conversations().Group(ctx, "three", "ben", "eva")
			return err
		}},
		{`Bearer GET /v1/conversations/cnv_1 `, 200, obj, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			_, err := s.Conversations().Get(ctx, "cnv_1")
			return err
		}},
		{`Bearer GET /v1/conversations/cnv_1/messages?before=9&limit=3 `, 200, map[string]any{"messages": []any{obj}}, func(ctx context.Context, _ *Client, s *Session, _ *Recovery) error {
			list, err := s.Conversations().Messages(ctx, "cnv_1", 9, 3)
			return exactly(len(list), 1, err)
		}},
		{`- GET /dev/clock `, 200, clock, func(ctx context.Context, c *Client, _ *Session, _ *Recovery) error {
			got, err := c.Dev().Clock(ctx)
			return exactly(got.OffsetSeconds, 3600, err)
		}},
		{`- POST /dev/clock {"advance":"72h"}`, 200, clock, func(ctx context.Context, c *Client, _ *Session, _ *Recovery) error {
			_, err := c.Dev().Advance(ctx, 72*time.Hour)
			return err
		}},
		{`- POST /dev/clock {"advance":"90m"}`, 200, clock, func(ctx context.Context, c *Client, _ *Session, _ *Recovery) error {
			_, err := c.Dev().Advance(ctx, 90*time.Minute)
			return err
		}},
		{`- GET /dev/phone?number=%2B51987654321 `, 200, map[string]any{"texts": []any{obj}}, func(ctx context.Context, c *Client, _ *Session, _ *Recovery) error {
			list, err := c.Dev().Texts(ctx, "+51987654321")
			return exactly(len(list), 1, err)
		}},
		{`- POST /dev/phone/replies {"body":"NO","from":"+51987654321"}`, 204, none, func(ctx context.Context, c *Client, _ *Session, _ *Recovery) error {
			return c.Dev().Reply(ctx, "+51987654321", "NO")
		}},
	} {
		t.Run(c.want, func(t *testing.T) {
			f := newFake(t, func(call) (int, any) { return c.status, c.answer })
			client := f.client(WithDeviceKey(deviceKey))
			s := client.Restore(Tokens{Session: "ses_1", Access: "a", AccessExpiry: time.Now().Add(time.Hour).UnixMilli()})
			if err := c.do(t.Context(), client, s, client.ResumeRecovery("rec_1", "secret")); err != nil {
				t.Fatal(err)
			}
			if got := f.said()[0].String(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			f.answer = func(call) (int, any) { return http.StatusTooManyRequests, problem{Code: "too_many_requests"} }
			if err := c.do(t.Context(), client, s, client.ResumeRecovery("rec_1", "secret")); !HasCode(err, "too_many_requests") {
				t.Errorf("a refusal: %v", err)
			}
		})
	}
}

const deviceKey = "0123456789abcdef0123456789abcdef"

func (c call) String() string {
	scheme := "-"
	if h := c.header.Get("Authorization"); h != "" {
		_, _ = fmt.Sscan(h, &scheme)
	}
	path := c.path
	if c.query != "" {
		path += "?" + c.query
	}
	return scheme + " " + c.method + " " + path + " " + c.body
}

func exactly[T comparable](got, want T, err error) error {
	if err == nil && got != want {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	return err
}

// TestPages: a list runs over its pages, stops when its reader does, and at an error.
func TestPages(t *testing.T) {
	f := newFake(t, func(c call) (int, any) {
		switch c.query {
		case "class=security&limit=100":
			return 200, map[string]any{"events": []any{map[string]any{"seq": 3}, map[string]any{"seq": 2}}, "next_cursor": "two"}
		case "class=security&cursor=two&limit=100":
			return 200, map[string]any{"events": []any{map[string]any{"seq": 1}}, "next_cursor": "three"}
		}
		return 500, problem{Code: "internal"}
	})
	s := f.client().Restore(Tokens{Access: "a", AccessExpiry: time.Now().Add(time.Hour).UnixMilli()})
	var seqs []int64
	var last error
	for entry, err := range s.Activity(t.Context(), Security) {
		if last = err; err == nil {
			seqs = append(seqs, entry.Seq)
		}
	}
	if fmt.Sprint(seqs) != "[3 2 1]" || !HasCode(last, "internal") {
		t.Errorf("%v, %v", seqs, last)
	}
	before := len(f.said())
	for range s.Activity(t.Context(), Security) {
		break
	}
	if n := len(f.said()) - before; n != 1 {
		t.Errorf("%d pages for one entry", n)
	}
}
