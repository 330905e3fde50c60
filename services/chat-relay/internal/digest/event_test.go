package digest

import (
	"fmt"
	"testing"
	"time"

	"centinela/shared/id"
	"centinela/shared/record"
)

// KB D2, R7.3: the event says what the rules need, fits the record however much was written, and names nobody but in its
// personal fields.
func TestEvent(t *testing.T) {
	origin := record.Origin{Address: "203.0.113.7", UserAgent: "ua", RequestID: "req_1", Device: "d"}
	d := Digest{ID: "dig_1", Author: Author{Account: "acc_1", Session: "ses_1", Origin: origin}}
	entries := []Entry{
		{Conversation: "cnv_a", Seq: 7, Length: 2, At: noon},
		{Conversation: "cnv_a", Seq: 9, Length: 5, At: noon.Add(time.Second)},
		{Conversation: "cnv_b", Seq: 1, Length: 4, At: noon.Add(4 * time.Second)},
	}
	e := d.Event(noon.Add(time.Minute), "chat-relay", Summarize(entries))
	if e.Action != record.ChatActivity || record.ClassOf(e.Action) != record.Activity || e.Outcome != record.Success ||
		e.Account != "acc_1" || e.Session != "ses_1" || e.Address != "203.0.113.7" || e.Device != "d" || !e.Time.Equal(noon.Add(time.Minute)) {
		t.Errorf("event %+v", e)
	}
	sealed, err := e.Seal("chat-relay/1", 1)
	if err != nil {
		t.Fatal(err)
	}
	env, err := record.Parse(sealed.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(record.Data{
		"messages": 3, "conversations": 2, "from": float64(noon.UnixMilli()), "to": float64(noon.UnixMilli() + 4000),
		"length": map[string]any{"min": 2, "mean": 3.667, "max": 5}, "gaps": map[string]any{"count": 2, "mean_ms": 2000, "cv": 0.5},
		"rooms":  []any{map[string]any{"id": "cnv_a", "messages": 2, "first": 7, "last": 9}, map[string]any{"id": "cnv_b", "messages": 1, "first": 1, "last": 1}},
		"sha256": Summarize(entries).Identities,
	})
	if got := fmt.Sprint(env.Data()); got != want {
		t.Errorf("data %s\nwant %s", got, want)
	}

	entries = nil
	for range maxMessages {
		entries = append(entries, Entry{Conversation: id.New("cnv"), Seq: 1 << 52, Length: 4000, At: noon})
	}
	full := d.Event(noon, "chat-relay", Summarize(entries))
	if _, err := full.Seal("chat-relay/1", 1); err != nil {
		t.Error(err)
	}
	if full.Data["conversations"] != maxMessages || len(full.Data["rooms"].([]record.Data)) != maxTold {
		t.Errorf("%v conversations, %d named", full.Data["conversations"], len(full.Data["rooms"].([]record.Data)))
	}
	if one := d.Event(noon, "chat-relay", Summarize(entries[:1])); one.Data["gaps"] != nil {
		t.Errorf("gaps of one message: %v", one.Data["gaps"])
	}
}
