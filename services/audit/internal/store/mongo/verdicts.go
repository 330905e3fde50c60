package mongo

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/services/audit/internal/firewall"
	"centinela/shared/id"
	"centinela/shared/mongox"
	"centinela/shared/record"
	"centinela/shared/verdicts"
)

type verdictDoc struct {
	ID        string           `bson:"_id"`
	Version   int64            `bson:"version"`
	About     string           `bson:"about"`
	Until     time.Time        `bson:"until"`
	Verdict   verdicts.Verdict `bson:"verdict"`
	Removed   bool             `bson:"removed"`
	RemovedAt time.Time        `bson:"removed_at"`
	Outbox    mongox.Carried   `bson:"outbox,omitempty"`
}

// AddVerdict is firewall.Store's: one insert, its event inside. The version is
// the one after the newest that is stored, and the unique index gives it to one
// writer only, so versions appear in their order.
func (s *Store) AddVerdict(ctx context.Context, v firewall.Verdict, event record.Event) error {
	doc := verdictDoc{ID: v.ID, About: v.About(), Until: v.Until, Verdict: v.Verdict}
	if err := doc.Outbox.Carry(event); err != nil {
		return err
	}
	return s.nextVersion(ctx, func(version int64) error {
		doc.Version = version
		_, err := s.db.C(verdictsName).InsertOne(ctx, doc)
		if !mongox.IsDuplicate(err) {
			return err
		}
		// The id or the version?
		_, known, failed := mongox.One[bson.Raw](ctx, s.db.C(verdictsName), mongox.ByID(v.ID))
		switch {
		case known:
			return firewall.ErrVerdictExists
		case failed != nil:
			return failed
		}
		return err
	})
}

// LengthenVerdict is firewall.Store's: one update, its event inside.
func (s *Store) LengthenVerdict(ctx context.Context, v firewall.Verdict, now time.Time, event func(firewall.Verdict) record.Event) (found bool, _ error) {
	err := s.nextVersion(ctx, func(version int64) error {
		inForce, err := s.verdicts(ctx, append(bson.D{{Key: "about", Value: v.About()}}, inForceAt(now)...), mongox.Keys("-until"), 1)
		if found = len(inForce) > 0; err != nil || !found || !inForce[0].Until.Before(v.Until) {
			return err
		}
		old, longer := inForce[0], inForce[0]
		longer.Until, longer.Decision, longer.Level = v.Until, v.Decision, longer.Level+1
		change, err := mongox.Carrying(event(longer))
		if err != nil {
			return err
		}
		change = append(change, bson.E{Key: "$set", Value: bson.D{{Key: "version", Value: version}, {Key: "until", Value: longer.Until}, {Key: "verdict", Value: longer.Verdict}}})
		result, err := s.db.C(verdictsName).UpdateOne(ctx, bson.D{{Key: "_id", Value: old.ID}, {Key: "version", Value: old.Version}}, change)
		if err == nil && result.MatchedCount == 0 {
			return errChanged
		}
		return err
	})
	return found, err
}

// errChanged is a verdict that another writer changed since it was read.
var errChanged = errors.New("changed meanwhile")

// RemoveVerdict is firewall.Store's: one update, its event inside.
func (s *Store) RemoveVerdict(ctx context.Context, id string, now time.Time, event func(firewall.Verdict) record.Event) error {
	return s.nextVersion(ctx, func(version int64) error {
		found, err := s.verdicts(ctx, append(mongox.ByID(id), inForceAt(now)...), nil, 0)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return firewall.ErrVerdictNotFound
		}
		change, err := mongox.Carrying(event(found[0]))
		if err != nil {
			return err
		}
		change = append(change, bson.E{Key: "$set", Value: bson.D{{Key: "version", Value: version}, {Key: "removed", Value: true}, {Key: "removed_at", Value: now}}})
		result, err := s.db.C(verdictsName).UpdateOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "version", Value: found[0].Version}}, change)
		if err == nil && result.MatchedCount == 0 {
			return errChanged
		}
		return err
	})
}

// nextVersion tries a write with the next version until no other writer had it.
func (s *Store) nextVersion(ctx context.Context, write func(version int64) error) error {
	if err := take(ctx, s.versionTurn); err != nil {
		return err
	}
	defer func() { <-s.versionTurn }()
	for {
		newest, err := s.newestVersion(ctx)
		if err != nil {
			return err
		}
		err = write(newest + 1)
		if !mongox.IsDuplicate(err) && !errors.Is(err, errChanged) {
			return mongox.Wrap(err)
		}
		pause := time.NewTimer(rand.N(5 * time.Millisecond)) // of real writers, who would meet again at once
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
}

func inForceAt(now time.Time) bson.D {
	return bson.D{{Key: "removed", Value: false}, {Key: "until", Value: bson.D{{Key: "$gt", Value: now}}}}
}

// VerdictsBefore is firewall.Store's.
func (s *Store) VerdictsBefore(ctx context.Context, now time.Time, before int64, limit int) ([]firewall.Verdict, error) {
	filter := append(bson.D{{Key: "version", Value: bson.D{{Key: "$lt", Value: before}}}}, inForceAt(now)...)
	return s.verdicts(ctx, filter, mongox.Keys("-version"), limit)
}

// Changes is firewall.Store's.
func (s *Store) Changes(ctx context.Context, since int64, limit int) ([]firewall.Verdict, error) {
	return s.verdicts(ctx, bson.D{{Key: "version", Value: bson.D{{Key: "$gt", Value: since}}}}, mongox.Keys("version"), limit)
}

// VerdictVersions is firewall.Store's. The floor is read last: a sweep raises it
// before it deletes.
func (s *Store) VerdictVersions(ctx context.Context) (v firewall.Versions, _ error) {
	newest, err := s.newestVersion(ctx)
	if err != nil {
		return v, err
	}
	kept, _, err := mongox.One[floorDoc](ctx, s.db.C(floorsName), mongox.ByID(verdictsName))
	return firewall.Versions{Newest: newest, Floor: kept.Floor, Epoch: kept.Epoch}, err
}

func (s *Store) newestVersion(ctx context.Context) (int64, error) {
	var doc struct {
		Version int64 `bson:"version"`
	}
	last := options.FindOne().SetSort(bson.D{{Key: "version", Value: -1}}).SetProjection(bson.D{{Key: "version", Value: 1}})
	err := s.db.C(verdictsName).FindOne(ctx, bson.D{}, last).Decode(&doc)
	if errors.Is(err, mongo.ErrNoDocuments) {
		err = nil
	}
	return doc.Version, mongox.Wrap(err)
}

// CountVerdicts is firewall.Store's.
func (s *Store) CountVerdicts(ctx context.Context, now time.Time) (int64, error) {
	n, err := s.db.C(verdictsName).CountDocuments(ctx, inForceAt(now))
	return n, mongox.Wrap(err)
}

// SweepVerdicts is firewall.Store's: first the floor, then the documents, so
// that a stop in between costs followers a snapshot and never a removal. The
// document with the newest version stays, because the version is kept in it,
// and one that still carries its event stays until that is in the log.
func (s *Store) SweepVerdicts(ctx context.Context, now, then time.Time, limit int) (int, error) {
	newest, err := s.newestVersion(ctx)
	if err != nil {
		return 0, err
	}
	older := bson.D{{Key: "version", Value: bson.D{{Key: "$lt", Value: newest}}}, {Key: "outbox.first", Value: bson.D{{Key: "$exists", Value: false}}}}
	n := 0
	for _, over := range []struct {
		filter bson.D
		order  string
	}{
		{bson.D{{Key: "removed", Value: true}, {Key: "removed_at", Value: bson.D{{Key: "$lte", Value: then}}}}, "removed_at"},
		{bson.D{{Key: "removed", Value: false}, {Key: "until", Value: bson.D{{Key: "$lte", Value: now}}}}, "until"},
	} {
		if n == limit {
			break
		}
		found, err := s.verdicts(ctx, append(over.filter, older...), mongox.Keys(over.order), limit-n)
		if err != nil {
			return n, err
		}
		if len(found) == 0 {
			continue
		}
		var floor int64
		ids := make([]string, len(found))
		for i, v := range found {
			ids[i] = v.ID
			if v.Removed {
				floor = max(floor, v.Version)
			}
		}
		if err := s.raiseFloor(ctx, floor); err != nil {
			return n, err
		}
		// What was lengthened meanwhile has another version, and what was removed as well.
		result, err := s.db.C(verdictsName).DeleteMany(ctx, append(append(bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}, over.filter...), older...))
		if err != nil {
			return n, mongox.Wrap(err)
		}
		n += int(result.DeletedCount)
	}
	return n, nil
}

type floorDoc struct {
	Floor int64  `bson:"floor"`
	Epoch string `bson:"epoch"`
}

// begin gives the verdicts of a new database their epoch.
func (s *Store) begin(ctx context.Context) error {
	_, err := s.db.C(floorsName).UpdateOne(ctx, mongox.ByID(verdictsName),
		bson.D{{Key: "$setOnInsert", Value: floorDoc{Epoch: id.New("epc")}}}, options.UpdateOne().SetUpsert(true))
	if mongox.IsDuplicate(err) {
		return nil // another instance began it just now
	}
	return mongox.Wrap(err)
}

func (s *Store) raiseFloor(ctx context.Context, version int64) error {
	if version == 0 {
		return nil
	}
	_, err := s.db.C(floorsName).UpdateOne(ctx, mongox.ByID(verdictsName),
		bson.D{{Key: "$max", Value: bson.D{{Key: "floor", Value: version}}}}, options.UpdateOne().SetUpsert(true))
	return mongox.Wrap(err)
}

func (s *Store) verdicts(ctx context.Context, filter, order bson.D, limit int) ([]firewall.Verdict, error) {
	docs, err := mongox.List[verdictDoc](ctx, s.db.C(verdictsName), filter, order, limit)
	if err != nil {
		return nil, err
	}
	found := make([]firewall.Verdict, len(docs))
	for i, doc := range docs {
		v := firewall.Verdict{Verdict: doc.Verdict, Version: doc.Version, Removed: doc.Removed}
		v.CreatedAt, v.Until = v.CreatedAt.UTC(), v.Until.UTC()
		if doc.Removed {
			v.RemovedAt = doc.RemovedAt.UTC()
		}
		found[i] = v
	}
	return found, nil
}
