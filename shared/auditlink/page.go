package auditlink

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"centinela/shared/verdicts"
)

// pageHead is the first line of a page of the verdict feed.
type pageHead struct {
	Cursor   string `json:"cursor"`
	Snapshot bool   `json:"snapshot"`
	More     bool   `json:"more"`
}

// pageLine is a change: one of the two.
type pageLine struct {
	Verdict *verdicts.Verdict `json:"verdict,omitempty"`
	Removed string            `json:"removed,omitempty"`
}

var errPage = errors.New("audit's page of verdicts has another form")

// EncodePage writes a page of the verdict feed.
func EncodePage(page verdicts.Page) ([]byte, error) {
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	err := lines.Encode(pageHead{page.Cursor, page.Snapshot, page.More})
	for i := range page.Verdicts {
		err = errors.Join(err, lines.Encode(pageLine{Verdict: &page.Verdicts[i]}))
	}
	for _, id := range page.Removed {
		err = errors.Join(err, lines.Encode(pageLine{Removed: id}))
	}
	return out.Bytes(), err
}

// ReadPage reads a page of the verdict feed; one that isn't whole is an error.
func ReadPage(body io.Reader) (verdicts.Page, error) {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 4<<10), 32<<10)
	var head *pageHead
	var page verdicts.Page
	for lines.Scan() {
		if head == nil {
			if err := json.Unmarshal(lines.Bytes(), &head); err != nil || head == nil || head.Cursor == "" {
				return verdicts.Page{}, errors.Join(errPage, err)
			}
			page.Cursor, page.Snapshot, page.More = head.Cursor, head.Snapshot, head.More
			continue
		}
		var line pageLine
		switch err := json.Unmarshal(lines.Bytes(), &line); {
		case err != nil:
			return verdicts.Page{}, errors.Join(errPage, err)
		case line.Verdict != nil:
			page.Verdicts = append(page.Verdicts, *line.Verdict)
		case line.Removed != "":
			page.Removed = append(page.Removed, line.Removed)
		default:
			return verdicts.Page{}, errPage
		}
	}
	if err := lines.Err(); err != nil {
		return verdicts.Page{}, fmt.Errorf("read audit's verdicts: %w", err)
	}
	if head == nil {
		return verdicts.Page{}, errPage
	}
	return page, nil
}
