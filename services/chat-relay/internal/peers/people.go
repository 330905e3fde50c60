package peers

import (
	"context"

	"centinela/openapi/gen/authclient"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/httpkit"
)

// People is auth as the relay sees it.
type People struct {
	api *authclient.Client
}

var _ room.People = (*People)(nil)

// NewPeople talks through client, which knows where auth is.
func NewPeople(client *httpkit.Client) *People {
	return &People{&authclient.Client{Server: "http://auth/", Client: client}}
}

// ByName returns who has the user name: room.ErrPersonNotFound.
func (p *People) ByName(ctx context.Context, userName string) (room.Person, error) {
	return person(httpkit.Read[authclient.AccountFacts](p.api.LookupAccount(ctx, authclient.AccountLookup{Identifier: userName})))
}

// ByAccount returns the account's person: room.ErrPersonNotFound.
func (p *People) ByAccount(ctx context.Context, account string) (room.Person, error) {
	return person(httpkit.Read[authclient.AccountFacts](p.api.GetAccountFacts(ctx, account, nil)))
}

func person(facts authclient.AccountFacts, err error) (room.Person, error) {
	if err != nil {
		return room.Person{}, err
	}
	if !facts.Found || facts.AccountId == nil || facts.UserName == nil {
		return room.Person{}, room.ErrPersonNotFound
	}
	return room.Person{Account: *facts.AccountId, UserName: *facts.UserName}, nil
}
