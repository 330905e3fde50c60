package storetest

import (
	"errors"
	"slices"
	"testing"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/post"
)

// V19: a policy is kept as it was read, once.
func policies(t *testing.T, s Store) {
	ctx := t.Context()
	if _, err := s.Policy(ctx, "h1"); !errors.Is(err, claim.ErrNoPolicy) {
		t.Errorf("%v, want ErrNoPolicy", err)
	}
	must(t, s.KeepPolicy(ctx, "h1", "version: 2 # ñ\n"))
	must(t, s.KeepPolicy(ctx, "h1", "another"))
	must(t, s.KeepPolicy(ctx, "h2", "another"))
	for hash, want := range map[string]string{"h1": "version: 2 # ñ\n", "h2": "another"} {
		if got, err := s.Policy(ctx, hash); err != nil || got != want {
			t.Errorf("%s: %q, %v", hash, got, err)
		}
	}
}

func flowsAfter(t *testing.T, s Store) {
	ctx := t.Context()
	for _, id := range []string{"rec_b", "rec_d", "rec_a", "rec_c"} {
		must(t, s.CreateFlow(ctx, flow(id, "acc_"+id), post.Effects{}))
	}
	for after, want := range map[string][]string{"": {"rec_a", "rec_b", "rec_c"}, "rec_b": {"rec_c", "rec_d"}, "rec_d": nil} {
		flows, err := s.FlowsAfter(ctx, after, 3)
		must(t, err)
		var ids []string
		for _, f := range flows {
			ids = append(ids, f.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("after %q: %v, want %v", after, ids, want)
		}
	}
}
