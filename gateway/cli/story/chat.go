package story

import (
	"context"
	"fmt"
	"slices"

	"centinela/openapi/sdk"
)

const lines = 3 // each way

func (p *play) chat(ctx context.Context) error {
	// A year has passed since ben signed in.
	if err := p.ben.again(ctx); err != nil {
		return err
	}
	found, err := p.ana.session.Conversations().Direct(ctx, p.ben.name)
	if err != nil {
		return err
	}
	same, err := p.ben.session.Conversations().Direct(ctx, p.ana.name)
	if err != nil {
		return err
	}
	if found.Id != same.Id || len(found.Members) != 2 {
		return differs("one conversation of two, found again by the other", fmt.Sprintf("%s and %s", found.Id, same.Id))
	}
	p.talk = &talk{id: found.Id}
	// The sockets outlive this step.
	stay := context.WithoutCancel(ctx)
	if p.talk.ana, err = open(stay, p.ana.session, found.Id); err != nil {
		return err
	}
	if p.talk.ben, err = open(stay, p.ben.session, found.Id); err != nil {
		return err
	}
	for i := range lines {
		if err := p.say(ctx, p.talk.ana, p.ben.session, fmt.Sprintf("hola ben, %d", i)); err != nil {
			return err
		}
		if err := p.say(ctx, p.talk.ben, p.ana.session, fmt.Sprintf("hola ana, %d", i)); err != nil {
			return err
		}
	}
	return p.bothHave(ctx, 2*lines)
}

// say sends a text, and holds that it is stored when it is accepted: the other
// one finds it over REST.
func (p *play) say(ctx context.Context, from *end, other *sdk.Session, text string) error {
	accepted, err := from.chat.Send(ctx, p.talk.id, text)
	if err != nil {
		return err
	}
	newest, err := other.Conversations().Messages(ctx, p.talk.id, 0, 1)
	if err != nil {
		return err
	}
	return holds(len(newest) == 1 && newest[0].Seq == accepted.Seq && newest[0].Text == text,
		fmt.Sprintf("message %d stored when it was accepted", accepted.Seq), fmt.Sprintf("%d messages, not that one", len(newest)))
}

func (p *play) bothHave(ctx context.Context, n int64) error {
	if err := p.talk.ana.has(ctx, "ana", n); err != nil {
		return err
	}
	return p.talk.ben.has(ctx, "ben", n)
}

func (p *play) sameMessage(ctx context.Context) error {
	const text = "only once, please"
	id := "demo-" + letters(12)
	first, err := p.talk.ana.chat.SendAs(ctx, p.talk.id, text, id)
	if err != nil {
		return err
	}
	second, err := p.talk.ana.chat.SendAs(ctx, p.talk.id, text, id)
	if err != nil {
		return err
	}
	if first.Seq != second.Seq || !first.At.Equal(second.At) || first.Seq != 2*lines+1 {
		return differs(fmt.Sprintf("number %d twice", 2*lines+1), fmt.Sprintf("%d and %d", first.Seq, second.Seq))
	}
	// What comes after it shows that no second one came before.
	after, err := p.talk.ben.chat.Send(ctx, p.talk.id, "got it")
	if err != nil {
		return err
	}
	if after.Seq != first.Seq+1 {
		return differs(fmt.Sprintf("number %d next", first.Seq+1), fmt.Sprint(after.Seq))
	}
	if err := p.bothHave(ctx, after.Seq); err != nil {
		return err
	}
	n := p.talk.ben.texts(text)
	return holds(n == 1, "the text once", fmt.Sprint(n, " times"))
}

func (p *play) cut(ctx context.Context) error {
	// An answer over the socket: it is there to be cut.
	if _, _, err := p.talk.ben.chat.History(ctx, p.talk.id, 0, 1); err != nil {
		return err
	}
	before := p.talk.ben.chat.Resumed()
	if err := p.talk.ben.cut(); err != nil {
		return err
	}
	for i := range lines {
		if _, err := p.talk.ana.chat.Send(ctx, p.talk.id, fmt.Sprintf("are you there, %d", i)); err != nil {
			return err
		}
	}
	last, err := p.talk.ben.chat.Send(ctx, p.talk.id, "back again") // goes out when the socket is back
	if err != nil {
		return err
	}
	if err := p.bothHave(ctx, last.Seq); err != nil {
		return err
	}
	if p.talk.ben.chat.Resumed() == before {
		return differs("ben's socket to have come back", "no new connection")
	}
	return p.historyAgrees(ctx, last.Seq)
}

// historyAgrees pages the history backwards: it must be what arrived.
func (p *play) historyAgrees(ctx context.Context, n int64) error {
	var all []sdk.Message
	for before := int64(0); ; {
		page, more, err := p.talk.ben.chat.History(ctx, p.talk.id, before, 4)
		if err != nil {
			return err
		}
		all = append(all, page...)
		if !more || len(page) == 0 {
			break
		}
		before = page[len(page)-1].Seq
	}
	slices.Reverse(all)
	p.talk.ben.mu.Lock()
	defer p.talk.ben.mu.Unlock()
	same := slices.EqualFunc(all, p.talk.ben.got, func(a, b sdk.Message) bool {
		return a.Seq == b.Seq && a.Text == b.Text && a.Sender == b.Sender && a.ClientId == b.ClientId && a.At.Equal(b.At)
	})
	return holds(int64(len(all)) == n && same, fmt.Sprintf("%d messages in the history, the ones that arrived", n), fmt.Sprintf("%d, and same=%v", len(all), same))
}
