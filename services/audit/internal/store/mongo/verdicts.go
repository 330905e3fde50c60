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
	"centinela/shared/mongox"
	"centinela/shared/record"
)

type verdictDoc struct {
	ID        string         `bson:"_id"`
	Version   int64          `bson:"version"`
	Kind      string         `bson:"kind"`
	Subject   string         `bson:"subject"`
	Action    string         `bson:"action"`
	Reason    string         `bson:"reason"`
	Source    string         `bson:"source"`
	CreatedAt time.Time      `bson:"created_at"`
	Until     time.Time      `bson:"until"`
	Removed   bool           `bson:"removed"`
	RemovedAt time.Time      `bson:"removed_at"`
	Outbox    mongox.Carried `bson:"outbox,omitempty"`
}

// AddVerdict is firewall.Store's: one insert, its event inside. The version is
// the one after the newest that is stored, and the unique index gives it to one
// writer only, so versions appear in their order.
func (s *Store) AddVerdict(ctx context.Context, v firewall.Verdict, event record.Event) error {
	var outbox mongox.Carried
	if err := outbox.Carry(event); err != nil {
		return err
	}
	return s.nextVersion(ctx, func(version int64) error {
		_, err := s.db.C(verdictsName).InsertOne(ctx, verdictDoc{
			ID: v.ID, Version: version, Kind: v.Kind, Subject: v.Subject, Action: v.Action, Reason: v.Reason, Source: v.Source,
			CreatedAt: v.CreatedAt, Until: v.Until, Outbox: outbox,
		})
		if !mongox.IsDuplicate(err) {
			return err
		}
		// The id or the version?
		there := s.db.C(verdictsName).FindOne(ctx, bson.D{{Key: "_id", Value: v.ID}}).Err()
		if there == nil {
			return firewall.ErrVerdictExists
		}
		if !errors.Is(there, mongo.ErrNoDocuments) {
			return there
		}
		return err
	})
}

// RemoveVerdict is firewall.Store's: one update, its event inside.
func (s *Store) RemoveVerdict(ctx context.Context, id string, now time.Time, event func(firewall.Verdict) record.Event) error {
	return s.nextVersion(ctx, func(version int64) error {
		inForce := append(bson.D{{Key: "_id", Value: id}}, inForceAt(now)...)
		var doc verdictDoc
		err := s.db.C(verdictsName).FindOne(ctx, inForce).Decode(&doc)
		if errors.Is(err, mongo.ErrNoDocuments) {
			return firewall.ErrVerdictNotFound
		}
		if err != nil {
			return err
		}
		change, err := mongox.Carrying(event(doc.verdict()))
		if err != nil {
			return err
		}
		change = append(change, bson.E{Key: "$set", Value: bson.D{{Key: "version", Value: version}, {Key: "removed", Value: true}, {Key: "removed_at", Value: now}}})
		result, err := s.db.C(verdictsName).UpdateOne(ctx, inForce, change)
		if err == nil && result.MatchedCount == 0 {
			return firewall.ErrVerdictNotFound
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
		newest, err := s.VerdictVersion(ctx)
		if err != nil {
			return err
		}
		err = write(newest + 1)
		if !mongox.IsDuplicate(err) {
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
	return s.verdicts(ctx, filter, options.Find().SetSort(bson.D{{Key: "version", Value: -1}}).SetLimit(int64(limit)))
}

// Changes is firewall.Store's, in three reads. What changes after the first has
// a version above it and is left to the next call. The floor is read last: a
// sweep raises it before it deletes.
func (s *Store) Changes(ctx context.Context, now time.Time, since int64) (firewall.Changes, error) {
	newest, err := s.VerdictVersion(ctx)
	if err != nil {
		return firewall.Changes{}, err
	}
	c := firewall.Changes{Version: newest, Snapshot: since < 0 || since > newest}
	if c.Snapshot {
		since = 0
	}
	if err := s.collect(ctx, &c, now, since); err != nil || c.Snapshot {
		return c, err
	}
	floor, err := s.floor(ctx)
	if err != nil || since >= floor {
		return c, err
	}
	c = firewall.Changes{Version: newest, Snapshot: true}
	return c, s.collect(ctx, &c, now, 0)
}

func (s *Store) collect(ctx context.Context, c *firewall.Changes, now time.Time, since int64) error {
	between := bson.D{{Key: "version", Value: bson.D{{Key: "$gt", Value: since}, {Key: "$lte", Value: c.Version}}}}
	found, err := s.verdicts(ctx, between, options.Find().SetSort(bson.D{{Key: "version", Value: 1}}))
	if err != nil {
		return err
	}
	for _, v := range found {
		switch {
		case v.Removed && !c.Snapshot:
			c.Removed = append(c.Removed, v.ID)
		case !v.Removed && v.Until.After(now):
			c.Verdicts = append(c.Verdicts, v)
		}
	}
	return nil
}

// VerdictVersion is firewall.Store's.
func (s *Store) VerdictVersion(ctx context.Context) (int64, error) {
	var doc struct {
		Version int64 `bson:"version"`
	}
	newest := options.FindOne().SetSort(bson.D{{Key: "version", Value: -1}}).SetProjection(bson.D{{Key: "version", Value: 1}})
	err := s.db.C(verdictsName).FindOne(ctx, bson.D{}, newest).Decode(&doc)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return 0, nil
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
// and one whose event waits in its outbox stays until that is shipped.
func (s *Store) SweepVerdicts(ctx context.Context, now, then time.Time) (int64, error) {
	newest, err := s.VerdictVersion(ctx)
	if err != nil {
		return 0, err
	}
	older := bson.E{Key: "version", Value: bson.D{{Key: "$lt", Value: newest}}}
	tombstones := bson.D{{Key: "removed", Value: true}, {Key: "removed_at", Value: bson.D{{Key: "$lte", Value: then}}}, older, {Key: "outbox.first", Value: bson.D{{Key: "$exists", Value: false}}}}
	expired := bson.D{{Key: "removed", Value: false}, {Key: "until", Value: bson.D{{Key: "$lte", Value: now}}}, older, {Key: "outbox.first", Value: bson.D{{Key: "$exists", Value: false}}}}
	last, err := s.verdicts(ctx, tombstones, options.Find().SetSort(bson.D{{Key: "version", Value: -1}}).SetLimit(1))
	if err != nil {
		return 0, err
	}
	if len(last) == 1 {
		if err := s.raiseFloor(ctx, last[0].Version); err != nil {
			return 0, err
		}
		// A removal made meanwhile has a version above the floor and stays.
		tombstones[2] = bson.E{Key: "version", Value: bson.D{{Key: "$lte", Value: last[0].Version}}}
	}
	var n int64
	for _, filter := range []bson.D{tombstones, expired} {
		result, err := s.db.C(verdictsName).DeleteMany(ctx, filter)
		if err != nil {
			return n, mongox.Wrap(err)
		}
		n += result.DeletedCount
	}
	return n, nil
}

type floorDoc struct {
	Floor int64 `bson:"floor"`
}

func (s *Store) floor(ctx context.Context) (int64, error) {
	var doc floorDoc
	err := s.db.C(floorsName).FindOne(ctx, bson.D{{Key: "_id", Value: verdictsName}}).Decode(&doc)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return 0, nil
	}
	return doc.Floor, mongox.Wrap(err)
}

func (s *Store) raiseFloor(ctx context.Context, version int64) error {
	_, err := s.db.C(floorsName).UpdateOne(ctx, bson.D{{Key: "_id", Value: verdictsName}},
		bson.D{{Key: "$max", Value: bson.D{{Key: "floor", Value: version}}}}, options.UpdateOne().SetUpsert(true))
	return mongox.Wrap(err)
}

func (s *Store) verdicts(ctx context.Context, filter bson.D, opts *options.FindOptionsBuilder) ([]firewall.Verdict, error) {
	cursor, err := s.db.C(verdictsName).Find(ctx, filter, opts.SetProjection(bson.D{{Key: "outbox", Value: 0}}))
	if err != nil {
		return nil, mongox.Wrap(err)
	}
	var docs []verdictDoc
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, mongox.Wrap(err)
	}
	found := make([]firewall.Verdict, len(docs))
	for i, doc := range docs {
		found[i] = doc.verdict()
	}
	return found, nil
}

func (d verdictDoc) verdict() firewall.Verdict {
	v := firewall.Verdict{
		ID: d.ID, Version: d.Version, Kind: d.Kind, Subject: d.Subject, Action: d.Action, Reason: d.Reason, Source: d.Source,
		CreatedAt: d.CreatedAt.UTC(), Until: d.Until.UTC(), Removed: d.Removed,
	}
	if d.Removed {
		v.RemovedAt = d.RemovedAt.UTC()
	}
	return v
}
