package objection_test

import (
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/store/roomtest"
)

const day = 24 * time.Hour

// TestV8ManyStartsHideNothing: a thief who waits starts many more recoveries: the
// owner's NO still finds the one that waits, and so does the owner's list.
func TestV8ManyStartsHideNothing(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	a := d.Start("ana")
	a.BySMS(roomtest.Newer)
	_, err := a.Evidence(engine.SavedCode, roomtest.Saved)
	d.Must(err)
	a.Is(claim.Waiting)
	for range 6 {
		for range 20 {
			d.Start("ana")
		}
		d.Clock.Advance(day)
	}
	own, err := d.Claims.OwnFlows(t.Context(), roomtest.Owner)
	d.Must(err)
	if len(own) != 20 || own[0].ID != a.ID {
		t.Errorf("%d shown, first %+v", len(own), own[0])
	}
	d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Older, "NO", "m1"))
	a.Is(claim.Vetoed)
}

// TestEarlyNoIsBounded: a number may stop recoveries before anybody proved
// possession, free of charge, three a day: one that says NO to everything must
// not keep the oldest out.
func TestEarlyNoIsBounded(t *testing.T) {
	d := roomtest.Two(t, roomtest.SQLite(t), roomtest.Options{})
	for i := range 3 {
		a := d.Start("ana")
		d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO", string(rune('a'+i))))
		d.Must(a.SendCode(""))
		if got := len(d.Codes(roomtest.Older)); got != 1 {
			t.Fatalf("a stopped recovery sent a code: %d", got)
		}
	}
	a := d.Start("ana")
	d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO", "z"))
	a.BySMS(roomtest.Older)
	a.Is(claim.Waiting)
	d.Must(d.Objections.ByReply(t.Context(), roomtest.Home, roomtest.Newer, "NO", "y")) // the wait's own veto
	a.Is(claim.Vetoed)
}
