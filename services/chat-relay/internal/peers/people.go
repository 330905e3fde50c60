package peers

import (
	"context"
	"net/http"

	"centinela/openapi/gen/authclient"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/httpkit"
)

// People is auth as the relay sees it.
type People struct {
	api *authclient.ClientWithResponses
}

var _ room.People = (*People)(nil)

// NewPeople talks through client, which knows where auth is.
func NewPeople(client *httpkit.Client) (*People, error) {
	api, err := authclient.NewClientWithResponses("http://auth", authclient.WithHTTPClient(client))
	return &People{api: api}, err
}

// ByName returns who has the user name: room.ErrPersonNotFound.
func (p *People) ByName(ctx context.Context, userName string) (room.Person, error) {
	answer, err := p.api.LookupAccountWithResponse(ctx, authclient.AccountLookup{Identifier: userName})
	if err != nil {
		return room.Person{}, err
	}
	if err := httpkit.Expect(answer.StatusCode(), answer.HTTPResponse.Header, answer.Body, http.StatusOK); err != nil {
		return room.Person{}, err
	}
	return person(answer.JSON200)
}

// ByAccount returns the account's person: room.ErrPersonNotFound.
func (p *People) ByAccount(ctx context.Context, account string) (room.Person, error) {
	answer, err := p.api.GetAccountFactsWithResponse(ctx, account, nil)
	if err != nil {
		return room.Person{}, err
	}
	if err := httpkit.Expect(answer.StatusCode(), answer.HTTPResponse.Header, answer.Body, http.StatusOK); err != nil {
		return room.Person{}, err
	}
	return person(answer.JSON200)
}

func person(facts *authclient.AccountFacts) (room.Person, error) {
	if facts == nil || !facts.Found || facts.AccountId == nil || facts.UserName == nil {
		return room.Person{}, room.ErrPersonNotFound
	}
	return room.Person{Account: *facts.AccountId, UserName: *facts.UserName}, nil
}
