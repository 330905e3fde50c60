package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// goal is the share that must be killed, in percent.
const goal = 95

func main() {
	count := flag.Int("n", 50, "how many mutants")
	seed := flag.Uint64("seed", 1, "which sample: the same seed and tree give the same")
	only := flag.String("only", "", "mutate files that this `regexp` matches only")
	lists := flag.String("lists", "tools/mutants", "the `folder` of targets.txt and equivalent.txt")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *count, *seed, *only, *lists); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, count int, seed uint64, only, lists string) error {
	filter, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	targets, err := readTargets(filepath.Join(lists, "targets.txt"))
	if err != nil {
		return err
	}
	equivalent, err := readEquivalent(filepath.Join(lists, "equivalent.txt"))
	if err != nil {
		return err
	}
	all, err := sample(targets, filter, seed)
	if err != nil {
		return err
	}
	fmt.Printf("%d lines can be changed; seed %d\n", len(all), seed)
	j := &judge{usual: map[string]time.Duration{}}
	tally := map[string]int{}
	for _, m := range all {
		if tally["killed"]+tally["SURVIVED"] >= count || ctx.Err() != nil {
			break
		}
		verdict := "equivalent"
		if !equivalent[change{m.file, m.was, m.is}] {
			if verdict, err = j.judge(ctx, m); err != nil {
				return err
			}
		}
		tally[verdict]++
		fmt.Printf("%-10s %s\n", verdict, m)
	}
	judged := tally["killed"] + tally["SURVIVED"]
	if judged == 0 {
		return errors.New("no mutant was judged")
	}
	share := 100 * float64(tally["killed"]) / float64(judged)
	fmt.Printf("%d mutants: %d killed, %d survived (%.1f %% killed), %d equivalent, %d didn't build\n", judged, tally["killed"], tally["SURVIVED"], share, tally["equivalent"], tally["invalid"])
	if share < goal {
		return fmt.Errorf("%.1f %% killed, the goal is %d %%: write the test that notices, or list the change in equivalent.txt with the reason", share, goal)
	}
	return ctx.Err()
}

// sample shuffles the lines of all targets, and takes one change of each.
func sample(targets []target, filter *regexp.Regexp, seed uint64) ([]mutant, error) {
	type place struct {
		file string
		line int
	}
	var places []place
	at := map[place][]mutant{}
	for _, t := range targets {
		found, err := mutantsOf(t.dir)
		if err != nil {
			return nil, fmt.Errorf("targets.txt: %w", err)
		}
		for _, m := range found {
			if !filter.MatchString(m.file) {
				continue
			}
			m.tests = t.tests
			p := place{m.file, m.line}
			if at[p] == nil {
				places = append(places, p)
			}
			at[p] = append(at[p], m)
		}
	}
	random := rand.New(rand.NewPCG(seed, seed))
	random.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	out := make([]mutant, 0, len(places))
	for _, p := range places {
		out = append(out, at[p][random.IntN(len(at[p]))])
	}
	return out, nil
}
