package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"testing"
	"time"

	"centinela/shared/id"
	"centinela/shared/record"
)

// R7.3: what the rules need of a minute, counted by hand.
func TestEventSumsUp(t *testing.T) {
	at := func(seconds float64) time.Time { return noon.Add(time.Duration(seconds*1000) * time.Millisecond) }
	hash := sha256.Sum256([]byte("cnv_a/10\ncnv_a/11\ncnv_a/12\ncnv_b/7\n"))
	got := Digest{}.event(noon, "chat-relay", []Entry{
		{Conversation: "cnv_b", Seq: 7, Length: 4, At: at(9)}, {Conversation: "cnv_a", Seq: 11, Length: 1, At: at(3)}, {Conversation: "cnv_a", Seq: 10, Length: 10, At: at(1)}, {Conversation: "cnv_a", Seq: 12, Length: 5, At: at(6)},
	}).Data
	want := record.Data{
		"messages": 4, "conversations": 2, "from": at(1).UnixMilli(), "to": at(9).UnixMilli(),
		"rooms": []record.Data{
			{"id": "cnv_a", "messages": 3, "first": int64(10), "last": int64(12)}, {"id": "cnv_b", "messages": 1, "first": int64(7), "last": int64(7)},
		},
		"length": record.Data{"min": int64(1), "mean": 5.0, "max": int64(10)},
		// 2, 3 and 3 seconds: the mean is 8/3, the deviation √(2/9).
		"gaps": record.Data{"count": 3, "mean_ms": 2666.667, "cv": 0.177}, "sha256": hex.EncodeToString(hash[:]),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	even := []Entry{{Length: 2, At: at(1)}, {Length: 2, At: at(2)}, {Length: 2, At: at(3)}}
	if gaps := (Digest{}).event(noon, "", even).Data["gaps"]; !reflect.DeepEqual(gaps, record.Data{"count": 2, "mean_ms": 1000.0, "cv": 0.0}) {
		t.Errorf("a machine's gaps: %v", gaps)
	}
	same := []Entry{{Length: 2, At: noon}, {Length: 2, At: noon}}
	if gaps := (Digest{}).event(noon, "", same).Data["gaps"]; !reflect.DeepEqual(gaps, record.Data{"count": 1, "mean_ms": 0.0, "cv": 0.0}) {
		t.Errorf("at once: %v", gaps)
	}
}

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
	e := d.event(noon.Add(time.Minute), "chat-relay", entries)
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
		"sha256": e.Data["sha256"],
	})
	if got := fmt.Sprint(env.Data()); got != want {
		t.Errorf("data %s\nwant %s", got, want)
	}

	entries = nil
	for range maxMessages {
		entries = append(entries, Entry{Conversation: id.New("cnv"), Seq: 1 << 52, Length: 4000, At: noon})
	}
	full := d.event(noon, "chat-relay", entries)
	if _, err := full.Seal("chat-relay/1", 1); err != nil {
		t.Error(err)
	}
	if full.Data["conversations"] != maxMessages || len(full.Data["rooms"].([]record.Data)) != maxTold {
		t.Errorf("%v conversations, %d named", full.Data["conversations"], len(full.Data["rooms"].([]record.Data)))
	}
	if one := d.event(noon, "chat-relay", entries[:1]); one.Data["gaps"] != nil {
		t.Errorf("gaps of one message: %v", one.Data["gaps"])
	}
}
