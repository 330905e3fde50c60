package httpapi

import (
	"context"
	"strings"

	"centinela/openapi/gen/recoveryapi"
	"centinela/shared/humantext"
	"centinela/shared/record"
)

const shownTexts = 100

// emptyTwiML tells Twilio to answer nothing.
const emptyTwiML = `<?xml version="1.0" encoding="UTF-8"?><Response></Response>`

// ReceiveTwilioText serves POST /v1/sms/twilio/inbound.
func (a *API) ReceiveTwilioText(ctx context.Context, _ recoveryapi.ReceiveTwilioTextRequestObject) (recoveryapi.ReceiveTwilioTextResponseObject, error) {
	if a.Inbound == nil {
		return nil, errNoRoute
	}
	r := rawOf(ctx)
	reply, err := a.Inbound.Inbound(r.signature, r.form)
	if err != nil {
		return nil, err
	}
	answer := recoveryapi.ReceiveTwilioText200TextxmlResponse{Body: strings.NewReader(emptyTwiML), ContentLength: int64(len(emptyTwiML))}
	return answer, a.Objections.ByReply(ctx, bySMS(ctx), reply.From, reply.Body.Reveal())
}

// ReceiveTwilioStatus serves POST /v1/sms/twilio/status.
func (a *API) ReceiveTwilioStatus(ctx context.Context, _ recoveryapi.ReceiveTwilioStatusRequestObject) (recoveryapi.ReceiveTwilioStatusResponseObject, error) {
	if a.Status == nil {
		return nil, errNoRoute
	}
	r := rawOf(ctx)
	delivery, err := a.Status.Status(r.signature, r.form)
	if err != nil {
		return nil, err
	}
	return recoveryapi.ReceiveTwilioStatus204Response{}, a.Courier.NoteDelivery(ctx, delivery)
}

// ListSimulatedTexts serves GET /dev/phone.
func (a *API) ListSimulatedTexts(ctx context.Context, r recoveryapi.ListSimulatedTextsRequestObject) (recoveryapi.ListSimulatedTextsResponseObject, error) {
	if a.Inbox == nil {
		return nil, errNoRoute
	}
	number := ""
	if r.Params.Number != nil {
		number = humantext.Phone(*r.Params.Number)
	}
	kept, err := a.Inbox.Kept(ctx, number, shownTexts)
	return recoveryapi.ListSimulatedTexts200JSONResponse{Texts: each(kept, wireText)}, err
}

// ReplyFromSimulatedPhone serves POST /dev/phone/replies.
func (a *API) ReplyFromSimulatedPhone(ctx context.Context, r recoveryapi.ReplyFromSimulatedPhoneRequestObject) (recoveryapi.ReplyFromSimulatedPhoneResponseObject, error) {
	if a.Inbox == nil {
		return nil, errNoRoute
	}
	return recoveryapi.ReplyFromSimulatedPhone204Response{}, a.Objections.ByReply(ctx, bySMS(ctx), r.Body.From, r.Body.Body)
}

// bySMS is the origin of a text: the carrier's address says nothing of its sender.
func bySMS(ctx context.Context) record.Origin {
	return record.Origin{UserAgent: "sms", RequestID: origin(ctx).RequestID}
}
