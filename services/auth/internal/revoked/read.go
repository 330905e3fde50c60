package revoked

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// cursor is how far a follower has come: the number of the last entry that it got from the process of that name, and a
// time before which it has everything, whoever tells it.
type cursor struct {
	name    string
	number  int64
	through time.Time
}

func (c cursor) String() string {
	return fmt.Sprintf("%s.%d.%d", c.name, c.number, c.through.UnixMilli())
}

func parseCursor(text string) (cursor, error) {
	if text == "" {
		return cursor{through: time.UnixMilli(0).UTC()}, nil
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return cursor{}, ErrCursor
	}
	number, err1 := strconv.ParseInt(parts[1], 10, 64)
	through, err2 := strconv.ParseInt(parts[2], 10, 64)
	if err1 != nil || err2 != nil || number < 0 || through < 0 {
		return cursor{}, ErrCursor
	}
	return cursor{parts[0], number, time.UnixMilli(through).UTC()}, nil
}

// Read returns what is newer than since ("" for all), at most 1,000 entries, and waits that long for something when there
// is nothing. Errors: ErrCursor, ErrNotRead, the context's.
func (l *Log) Read(ctx context.Context, since string, wait time.Duration) (Page, error) {
	c, err := parseCursor(since)
	if err != nil {
		return Page{}, err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for over := false; ; {
		page, news, drained := l.page(c)
		switch {
		case len(page.Entries) > 0:
			return page, nil
		case !over && !drained:
		case page.Next == "": // a page that tells nothing, not even that there is nothing
			return page, ErrNotRead
		default:
			return page, nil
		}
		select {
		case <-ctx.Done():
			return Page{}, ctx.Err()
		case <-news:
		case <-timer.C:
			over = true
		}
	}
}

// page is what there is for c now, and what is closed when there is more, or nothing is to be waited for any more. Its Next
// is empty before the first reading.
func (l *Log) page(c cursor) (_ Page, news <-chan struct{}, drained bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.read.IsZero() {
		return Page{}, l.news, l.closed
	}
	next := cursor{name: l.name, number: l.last, through: l.read}
	number, from := c.number, time.Time{}
	if c.name != l.name {
		number, from = 0, earlier(c.through, l.read).Add(-overlap)
	}
	var page Page
	now := l.clk.Now()
	for _, e := range l.entries[l.after(number):] {
		if e.at.Before(from) || !now.Before(e.Until) {
			continue
		}
		if len(page.Entries) == mostAtOnce {
			// Not through anything yet: a follower that goes on elsewhere begins where it began here.
			page.More, next.number, next.through = true, page.Entries[mostAtOnce-1].number, c.through
			break
		}
		page.Entries = append(page.Entries, e)
	}
	page.Next = next.String()
	return page, l.news, l.closed
}
