package sdk

import (
	"context"
	"iter"

	"centinela/openapi/gen/gatewayclient"
)

// Class is a class of events of the record.
type Class = gatewayclient.ListMyActivityParamsClass

// The classes.
const (
	Security    = gatewayclient.ListMyActivityParamsClassSecurity // who can enter, what changed, what was decided
	Use         = gatewayclient.ListMyActivityParamsClassActivity // chat and requests, as digests
	AllActivity = gatewayclient.ListMyActivityParamsClassAll
)

// ActivityPage is a page of the record of one's account, newest first, and the
// cursor of the next one ("" after the last). limit is 1 to 100, 0 for 50.
func (s *Session) ActivityPage(ctx context.Context, class Class, cursor string, limit int) ([]Activity, string, error) {
	params := &gatewayclient.ListMyActivityParams{Class: given(class), Cursor: given(cursor), Limit: given(limit)}
	page, err := read[gatewayclient.ActivityPage](s.api.ListMyActivity(ctx, params))
	return page.Events, value(page.NextCursor), err
}

// Activity is the whole record of one's account of a class, newest first, page by
// page. It ends at the first error.
func (s *Session) Activity(ctx context.Context, class Class) iter.Seq2[Activity, error] {
	return pages(func(cursor string) ([]Activity, string, error) { return s.ActivityPage(ctx, class, cursor, 100) })
}

// pages runs through all pages.
func pages[T any](page func(cursor string) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := ""; ; {
			items, next, err := page(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			cursor = next
		}
	}
}

// given is nil for a zero value: the parameter is left out.
func given[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
