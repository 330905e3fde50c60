package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/services/recovery/internal/recovery"
	"centinela/shared/mongox"
)

// Wallet implements recovery.Store.
func (s *Store) Wallet(ctx context.Context, account string) (recovery.Wallet, error) {
	doc, _, err := findOne[walletDoc](ctx, s.db.C(wallets), byID(account))
	doc.Account = account
	return doc.Wallet, err
}

// UpdateWallet implements recovery.Store.
func (s *Store) UpdateWallet(ctx context.Context, account string, change func(*recovery.Wallet) (recovery.Effects, error)) error {
	for {
		err := mongox.UpdateVersioned(ctx, s.db.C(wallets), account,
			func(d *walletDoc) *int64 { return &d.Version },
			func(d *walletDoc) error { return apply(&d.Wallet, &d.Carried, change) })
		if !missing(err) {
			return err
		}
		doc := walletDoc{ID: account, Wallet: recovery.Wallet{Account: account}, Carried: Carried{Version: 1}}
		if err := apply(&doc.Wallet, &doc.Carried, change); err != nil {
			return err
		}
		_, err = s.db.C(wallets).InsertOne(ctx, doc)
		if err == nil || !mongox.IsDuplicate(err) {
			return mongox.Wrap(err)
		}
		// Somebody else made it between the two: change that one.
	}
}

func apply[T any](v *T, c *Carried, change func(*T) (recovery.Effects, error)) error {
	effects, err := change(v)
	if err != nil {
		return err
	}
	return c.add(effects)
}

// WalletsByNumber implements recovery.Store.
func (s *Store) WalletsByNumber(ctx context.Context, mac string) ([]recovery.Wallet, error) {
	docs, err := find[walletDoc](ctx, s.db.C(wallets), is("numbers.mac", mac), options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	var all []recovery.Wallet
	for _, d := range docs {
		all = append(all, d.Wallet)
	}
	return all, err
}
