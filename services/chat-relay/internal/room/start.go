package room

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"centinela/shared/fault"
	"centinela/shared/id"
	"centinela/shared/record"
)

// NewConversation is what somebody wants to start. UserNames are the others.
type NewConversation struct {
	Kind, Title string
	UserNames   []string
}

// Start makes a conversation, or finds the direct one with the same person. Errors: ErrPersonNotFound with a pointer to
// the name, ErrMembers, ErrTitle.
func (c *Chat) Start(ctx context.Context, account string, from record.Origin, wanted NewConversation) (Conversation, error) {
	if wanted.Kind == Direct && wanted.Title != "" {
		return Conversation{}, ErrTitle.WithFields(fault.Field{Pointer: "/title", Code: string(fault.CodeInvalidField), Detail: "only a group has one"})
	}
	if utf8.RuneCountInString(wanted.Title) > MaxTitle {
		return Conversation{}, ErrTitle.WithDetail("the title is too long")
	}
	now := c.Clock.Now()
	fresh := Conversation{
		ID: id.New("cnv"), Kind: wanted.Kind, Title: strings.TrimSpace(wanted.Title),
		CreatedBy: account, CreatedAt: now, ActiveAt: now,
	}
	people, err := c.findPeople(ctx, account, wanted.UserNames)
	if err != nil {
		return Conversation{}, err
	}
	for _, p := range people {
		fresh.Members = append(fresh.Members, Member{Account: p.Account, UserName: p.UserName, AddedAt: now})
	}
	if err := checkMembers(fresh); err != nil {
		return Conversation{}, err
	}
	if fresh.Kind == Direct {
		fresh.DirectKey = directKey(fresh.Members[0].Account, fresh.Members[1].Account)
	}
	e := record.New(now, service, record.ChatConversationCreated, record.Success, from)
	e.Account, e.Target = account, fresh.ID
	e.Data = record.Data{"kind": fresh.Kind, "members": len(fresh.Members)}
	stored, err := c.Rooms.Create(ctx, fresh, e)
	if err != nil {
		return Conversation{}, err
	}
	c.Kick()
	return stored, nil
}

// findPeople returns the creator and the others, each once, the creator first. One after the other, in the request's own
// goroutine: where a panic ends the request and not the process (R3), and the first unknown name ends the asking.
func (c *Chat) findPeople(ctx context.Context, account string, names []string) ([]Person, error) {
	creator, err := c.People.ByAccount(ctx, account)
	if err != nil {
		return nil, err
	}
	people := append(make([]Person, 0, len(names)+1), creator)
	for i, name := range names {
		p, err := c.People.ByName(ctx, name)
		if err != nil {
			return nil, namedUnknown(err, i)
		}
		if !slices.ContainsFunc(people, func(q Person) bool { return q.Account == p.Account }) {
			people = append(people, p)
		}
	}
	return people, nil
}

// namedUnknown says which name is unknown; other errors aren't the name's fault.
func namedUnknown(err error, i int) error {
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
