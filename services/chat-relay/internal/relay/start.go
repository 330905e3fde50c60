package relay

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"centinela/shared/fault"
	"centinela/shared/id"
	"centinela/shared/record"
)

// lookups is how many user names are asked for at once.
const lookups = 8

// NewConversation is what somebody wants to start. UserNames are the others.
type NewConversation struct {
	Kind, Title string
	UserNames   []string
}

// Start makes a conversation, or finds the direct one with the same person. Errors: ErrPersonNotFound with a pointer to
// the name, ErrMembers, ErrTitle.
func (r *Relay) Start(ctx context.Context, account string, from record.Origin, wanted NewConversation) (Conversation, error) {
	if wanted.Kind == Direct && wanted.Title != "" {
		return Conversation{}, ErrTitle.WithFields(fault.Field{Pointer: "/title", Code: string(fault.CodeInvalidField), Detail: "only a group has one"})
	}
	if utf8.RuneCountInString(wanted.Title) > MaxTitle {
		return Conversation{}, ErrTitle.WithDetail("the title is too long")
	}
	now := r.Clock.Now()
	c := Conversation{
		ID: id.New("cnv"), Kind: wanted.Kind, Title: strings.TrimSpace(wanted.Title),
		CreatedBy: account, CreatedAt: now, ActiveAt: now,
	}
	people, err := r.gather(ctx, account, wanted.UserNames)
	if err != nil {
		return Conversation{}, err
	}
	for _, p := range people {
		c.Members = append(c.Members, Member{Account: p.Account, UserName: p.UserName, AddedAt: now})
	}
	if err := checkMembers(c); err != nil {
		return Conversation{}, err
	}
	if c.Kind == Direct {
		c.DirectKey = directKey(c.Members[0].Account, c.Members[1].Account)
	}
	e := record.New(now, service, record.ChatConversationCreated, record.Success, from)
	e.Account, e.Target = account, c.ID
	e.Data = map[string]string{"kind": c.Kind, "members": fmt.Sprint(len(c.Members))}
	stored, err := r.Store.AddConversation(ctx, c, e)
	if err != nil {
		return Conversation{}, err
	}
	r.Kick()
	return stored, nil
}

// gather returns the creator and the others, each once, the creator first.
func (r *Relay) gather(ctx context.Context, account string, names []string) ([]Person, error) {
	found := make([]Person, len(names)+1)
	errs := make([]error, len(names)+1)
	var wait sync.WaitGroup
	slots := make(chan struct{}, lookups)
	ask := func(i int, who func() (Person, error)) {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			found[i], errs[i] = who()
		})
	}
	ask(0, func() (Person, error) { return r.People.ByAccount(ctx, account) })
	for i, name := range names {
		ask(i+1, func() (Person, error) { return r.People.ByName(ctx, name) })
	}
	wait.Wait()
	if errs[0] != nil {
		return nil, errs[0]
	}
	people := found[:1:1]
	for i, p := range found[1:] {
		if err := errs[i+1]; err != nil {
			return nil, pointed(err, i)
		}
		if !slices.ContainsFunc(people, func(q Person) bool { return q.Account == p.Account }) {
			people = append(people, p)
		}
	}
	return people, nil
}

// pointed says which name is unknown; other errors aren't the name's fault.
func pointed(err error, i int) error {
	if f := fault.From(err); f.Code == ErrPersonNotFound.Code {
		return ErrPersonNotFound.WithFields(fault.Field{
			Pointer: fmt.Sprintf("/members/%d", i), Code: string(fault.CodeNotFound), Detail: "there is nobody with this user name",
		})
	}
	return err
}

func checkMembers(c Conversation) error {
	field := fault.Field{Pointer: "/members", Code: string(fault.CodeInvalidField)}
	switch n := len(c.Members); {
	case c.Kind == Direct && n != 2:
		field.Detail = "a direct conversation is with one other person"
	case n < 2:
		field.Detail = "a conversation needs somebody else"
	case n > MaxMembers:
		field.Detail = "a conversation has at most 200 members"
	default:
		return nil
	}
	return ErrMembers.WithFields(field)
}

// directKey is the same for both of them.
func directKey(a, b string) string {
	pair := []string{a, b}
	slices.Sort(pair)
	return strings.Join(pair, "+")
}
