package story

import (
	"context"
	"fmt"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/sdk"
)

const forged = 3 // so many forged frames bring a verdict

func (p *play) forgedFrames(ctx context.Context) error {
	mal, err := p.person("mal", v6())
	if err != nil {
		return err
	}
	defer mal.client.CloseIdle()
	if _, err := mal.client.SignUp(ctx, mal.name, mal.password, ""); err != nil {
		return err
	}
	if err := mal.again(ctx); err != nil {
		return err
	}
	chat, err := mal.session.Chat(ctx, sdk.ChatOptions{})
	if err != nil {
		return err
	}
	defer chat.Close()
	for i := range forged {
		if err := chat.SendRaw(websocket.BinaryMessage, []byte{0x52}); err != nil {
			return err
		}
		if err := refusal(ctx, chat, i+1); err != nil {
			return err
		}
	}
	err = refusedWithin(ctx, 10*time.Second, sdk.CodeRefusedByFirewall, "the address", func() error {
		_, err := mal.session.Me(ctx)
		return err
	})
	if err != nil {
		return err
	}
	elsewhere, err := mal.client.With(sdk.WithDevAddress(v6()))
	if err != nil {
		return err
	}
	moved := elsewhere.Restore(mal.session.Tokens())
	return within(ctx, 10*time.Second, fmt.Sprintf("%d chat.protocol_violation in the record", forged), func() (string, error) {
		n, err := count(ctx, moved, "chat.protocol_violation")
		if err != nil || n == forged {
			return "", err
		}
		return fmt.Sprint(n), nil
	})
}

// refusal waits for the error frame that names the fault.
func refusal(ctx context.Context, chat *sdk.Chat, i int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	select {
	case f := <-chat.Faults():
		return holds(f.Code == "protocol_violation" && f.Detail != "", "an error frame that names the fault", f.Code)
	case <-ctx.Done():
		return differs(fmt.Sprintf("an error frame for the forged frame %d", i), "none")
	}
}

func (p *play) operator(ctx context.Context) error {
	op, err := p.ben.client.Operator(p.opts.OperatorKey)
	if err != nil {
		return err
	}
	address := v6()
	victim, err := p.client(address)
	if err != nil {
		return err
	}
	defer victim.CloseIdle()
	probe := func() error {
		_, err := victim.Dev().Clock(ctx)
		return err
	}
	if err := probe(); err != nil {
		return err
	}
	verdict, err := op.AddVerdict(ctx, sdk.NewVerdict{Subjects: []sdk.Subject{{Kind: "ip", Value: address}}, Action: "refuse", TtlSeconds: new(600), Reason: "centinela demo"})
	if err != nil {
		return err
	}
	if err := refusedWithin(ctx, p.opts.Patience, sdk.CodeRefusedByFirewall, "the address", probe); err != nil {
		return err
	}
	listed := false
	for v, err := range op.Verdicts(ctx) {
		if err != nil {
			return err
		}
		listed = listed || v.Id == verdict.Id
	}
	if !listed {
		return differs("the verdict in the list", "it is not there")
	}
	if err := op.RemoveVerdict(ctx, verdict.Id); err != nil {
		return err
	}
	return within(ctx, p.opts.Patience, "the address served again", func() (string, error) {
		if err := probe(); err != nil {
			return err.Error(), nil
		}
		return "", nil
	})
}
