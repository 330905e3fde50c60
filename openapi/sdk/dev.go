package sdk

import (
	"context"
	"fmt"
	"time"

	"centinela/openapi/gen/gatewayclient"
)

// Dev is what only a suite in the development profile offers.
type Dev struct{ c *Client }

// Dev of this client's suite.
func (c *Client) Dev() Dev { return Dev{c} }

// Clock is the suite's time.
func (d Dev) Clock(ctx context.Context) (Clock, error) {
	return read[Clock](d.c.api.GetClock(ctx))
}

// Advance travels in time, in every service, by whole seconds.
func (d Dev) Advance(ctx context.Context, by time.Duration) (Clock, error) {
	return read[Clock](d.c.api.AdvanceClock(ctx, gatewayclient.Advance{Advance: travel(by)}))
}

// travel writes a duration as the specification wants it: 72h, 30m or 10s.
func travel(by time.Duration) string {
	switch {
	case by%time.Hour == 0:
		return fmt.Sprintf("%dh", by/time.Hour)
	case by%time.Minute == 0:
		return fmt.Sprintf("%dm", by/time.Minute)
	}
	return fmt.Sprintf("%ds", by/time.Second)
}

// Texts are those that a simulated phone got (all phones for ""), newest first.
func (d Dev) Texts(ctx context.Context, number string) ([]Text, error) {
	texts, err := read[gatewayclient.SimulatedTexts](d.c.api.ListSimulatedTexts(ctx, &gatewayclient.ListSimulatedTextsParams{Number: given(number)}))
	return texts.Texts, err
}

// Reply answers a text from a simulated phone.
func (d Dev) Reply(ctx context.Context, from, body string) error {
	_, err := read[struct{}](d.c.api.ReplyFromSimulatedPhone(ctx, gatewayclient.SimulatedReply{From: from, Body: body}))
	return err
}
