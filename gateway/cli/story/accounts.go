package story

import (
	"context"
	"fmt"
	"slices"
	"time"

	"centinela/openapi/sdk"
)

const year = 8760 * time.Hour

func (p *play) signUp(ctx context.Context) error {
	for _, who := range []*person{p.ana, p.ben} {
		created, err := who.client.SignUp(ctx, who.name, who.password, "en")
		if err != nil {
			return err
		}
		codes := slices.Compact(slices.Sorted(slices.Values(created.SavedCodes)))
		if len(codes) != 4 || created.Account.SavedCodesLeft != 4 {
			return differs("4 different saved codes", fmt.Sprint(len(codes)))
		}
		who.codes = created.SavedCodes
	}
	return nil
}

func (p *play) signIn(ctx context.Context) error {
	for _, who := range []*person{p.ana, p.ben} {
		if err := who.again(ctx); err != nil {
			return err
		}
		me, err := who.session.Me(ctx)
		if err != nil {
			return err
		}
		if err := holds(me.UserName == who.name, who.name, me.UserName); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) firstPhone(ctx context.Context) error {
	got, err := p.addPhone(ctx, p.phoneA)
	if err != nil {
		return err
	}
	return holds(got.State == sdk.Trusted && got.Oldest && slices.Contains(got.Powers, sdk.Recover),
		"phone A trusted, the oldest, with the power to recover", describe(got))
}

// addPhone adds a number and proves it.
func (p *play) addPhone(ctx context.Context, ph *phone) (sdk.Phone, error) {
	added, err := p.ana.session.Phones().Add(ctx, ph.number)
	if err != nil {
		return sdk.Phone{}, err
	}
	ph.id = added.Id
	if err := holds(added.State == sdk.Pending, "a pending number", describe(added)); err != nil {
		return sdk.Phone{}, err
	}
	return p.prove(ctx, ph)
}

// prove proves a number with the code that it got.
func (p *play) prove(ctx context.Context, ph *phone) (sdk.Phone, error) {
	code, err := p.code(ctx, ph)
	if err != nil {
		return sdk.Phone{}, err
	}
	return p.ana.session.Phones().Verify(ctx, ph.id, code)
}

func (p *play) yearPasses(ctx context.Context) error {
	if err := p.travel(ctx, year); err != nil {
		return err
	}
	_, err := p.ana.session.Me(ctx)
	if err := refused(err, sdk.CodeTokenExpired, "the old access token"); err != nil {
		return err
	}
	if err := refused(p.ana.session.Refresh(ctx), sdk.CodeTokenExpired, "the old refresh token"); err != nil {
		return err
	}
	return p.ana.again(ctx)
}

func (p *play) secondPhone(ctx context.Context) error {
	got, err := p.addPhone(ctx, p.phoneB)
	if err != nil {
		return err
	}
	powerless := !slices.Contains(got.Powers, sdk.Recover) && !slices.Contains(got.Powers, sdk.CanVeto)
	return holds(got.State == sdk.Quarantined && !got.Oldest && powerless, "phone B quarantined, without the power to recover or veto", describe(got))
}

func (p *play) proveAgain(ctx context.Context) error {
	if err := p.proveA(ctx); err != nil {
		return err
	}
	list, err := p.ana.session.Phones().List(ctx)
	if err != nil {
		return err
	}
	return holds(len(list) == 2 && list[0].Id == p.phoneA.id && list[0].Oldest && list[0].SeniorityDays >= 364,
		"two numbers, A first with a year of seniority", describe(list...))
}

// proveA proves phone A once more.
func (p *play) proveA(ctx context.Context) error {
	if _, err := p.ana.session.Phones().SendCode(ctx, p.phoneA.id); err != nil {
		return err
	}
	_, err := p.prove(ctx, p.phoneA)
	return err
}

func (p *play) monthPasses(ctx context.Context) error {
	p.talk.close()
	if err := p.travel(ctx, 31*24*time.Hour); err != nil {
		return err
	}
	if err := p.ben.again(ctx); err != nil {
		return err
	}
	if err := p.ana.again(ctx); err != nil {
		return err
	}
	list, err := p.ana.session.Phones().List(ctx)
	if err != nil {
		return err
	}
	return holds(len(list) == 2 && list[1].Id == p.phoneB.id && list[1].State == sdk.Trusted, "phone B trusted after its quarantine", describe(list...))
}

func (p *play) anotherMonth(ctx context.Context) error {
	if err := p.travel(ctx, 31*24*time.Hour); err != nil {
		return err
	}
	if err := p.ana.again(ctx); err != nil {
		return err
	}
	return p.proveA(ctx)
}

func describe(phones ...sdk.Phone) string {
	var all []string
	for _, n := range phones {
		all = append(all, fmt.Sprintf("%s %s oldest=%v days=%d powers=%v", n.Masked, n.State, n.Oldest, n.SeniorityDays, n.Powers))
	}
	return fmt.Sprint(all)
}
