package bus_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/bus"
	"centinela/shared/testkit"
)

const patience = 20 * time.Second

// The contract of doc.go, in one process. A second bus gets this suite too.
func TestMemory(t *testing.T) {
	for name, run := range map[string]func(t *testing.T, m *bus.Memory){
		"every_other_node_hears":           others,
		"a_node_doesnt_hear_itself":        itself,
		"one_wake_up_after_the_other":      oneByOne,
		"publishing_doesnt_wait":           flood,
		"who_doesnt_listen_hears_nothing":  away,
		"publishing_to_nobody_is_harmless": alone,
	} {
		t.Run(name, func(t *testing.T) { run(t, bus.NewMemory()) })
	}
}

// ear is a node that listens.
type ear struct {
	*bus.Node
	stop func()

	mu     sync.Mutex
	heard  []bus.Wake
	inside int
	worst  int // calls at once
}

// listen returns when the node hears: what is published before that may be lost, so it is published until it is heard.
func listen(t *testing.T, m *bus.Memory) *ear {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	e := &ear{Node: m.Join()}
	var listening sync.WaitGroup
	listening.Go(func() { e.Listen(ctx, e.hear, func() {}) })
	e.stop = func() { cancel(); listening.Wait() }
	t.Cleanup(e.stop)
	caller := m.Join()
	testkit.Eventually(t, patience, func() (bool, string) {
		caller.Publish(bus.Wake{Conversation: "hello"})
		return e.has("hello", 0), "a node that listens hears nothing"
	})
	return e
}

func (e *ear) hear(w bus.Wake) {
	e.mu.Lock()
	e.heard = append(e.heard, w)
	e.inside++
	e.worst = max(e.worst, e.inside)
	e.mu.Unlock()
	e.mu.Lock()
	e.inside--
	e.mu.Unlock()
}

func (e *ear) has(conversation string, seq int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range e.heard {
		if w.Conversation == conversation && w.Seq >= seq {
			return true
		}
	}
	return false
}

// await holds that what is published comes through; a lost wake-up is followed by the next, as in a relay.
func (e *ear) await(t *testing.T, from interface{ Publish(w bus.Wake) }, conversation string, seq int64) {
	t.Helper()
	testkit.Eventually(t, patience, func() (bool, string) {
		from.Publish(bus.Wake{Conversation: conversation, Seq: seq})
		return e.has(conversation, seq), fmt.Sprintf("%s is not heard to be at %d", conversation, seq)
	})
}

func others(t *testing.T, m *bus.Memory) {
	a, b, c := listen(t, m), listen(t, m), listen(t, m)
	b.await(t, a, "one", 7)
	c.await(t, a, "one", 7)
	a.await(t, b, "two", 9007199254740991)
	c.await(t, b, "two", 9007199254740991)
}

func itself(t *testing.T, m *bus.Memory) {
	a, b := listen(t, m), listen(t, m)
	a.Publish(bus.Wake{Conversation: "own", Seq: 1})
	b.await(t, a, "own", 1)
	a.await(t, b, "later", 1) // what had come before it would be here by now
	if a.has("own", 0) {
		t.Error("a node hears what it published")
	}
}

func oneByOne(t *testing.T, m *bus.Memory) {
	a := listen(t, m)
	var all sync.WaitGroup
	for n := range 4 {
		from := m.Join()
		all.Go(func() {
			for i := range 50 {
				from.Publish(bus.Wake{Conversation: fmt.Sprint(n), Seq: int64(i + 1)})
			}
		})
	}
	all.Wait()
	for n := range 4 {
		a.await(t, m.Join(), fmt.Sprint(n), 50)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.worst != 1 {
		t.Errorf("%d calls at once", a.worst)
	}
}

// flood: a node that is busy for long holds nobody up, keeps a bounded number, and is told that it missed some.
func flood(t *testing.T, m *bus.Memory) {
	ctx, cancel := context.WithCancel(context.Background())
	slow, from := m.Join(), m.Join()
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var mu sync.Mutex
	heard, missed := 0, 0
	var listening sync.WaitGroup
	listening.Go(func() {
		slow.Listen(ctx, func(bus.Wake) {
			once.Do(func() { close(entered); <-release })
			mu.Lock()
			defer mu.Unlock()
			heard++
		}, func() {
			mu.Lock()
			defer mu.Unlock()
			missed++
		})
	})
	testkit.Eventually(t, patience, func() (bool, string) {
		from.Publish(bus.Wake{Conversation: "c", Seq: 1})
		select {
		case <-entered:
			return true, ""
		default:
			return false, "a node that listens hears nothing"
		}
	})
	const many = 200_000
	for i := range many { // would never end if one of them waited
		from.Publish(bus.Wake{Conversation: "c", Seq: int64(i + 2)})
	}
	close(release)
	testkit.Eventually(t, patience, func() (bool, string) {
		from.Publish(bus.Wake{Conversation: "c", Seq: many + 2})
		mu.Lock()
		defer mu.Unlock()
		return missed > 0 || heard >= many, fmt.Sprintf("%d heard, and not told that it missed some", heard)
	})
	cancel()
	listening.Wait()
}

func away(t *testing.T, m *bus.Memory) {
	a, b := listen(t, m), listen(t, m)
	a.stop()
	b.Publish(bus.Wake{Conversation: "while away", Seq: 1})
	c := listen(t, m)
	c.await(t, b, "after", 1)
	if a.has("while away", 0) || c.has("while away", 0) {
		t.Error("heard what was published while nobody listened")
	}
}

func alone(_ *testing.T, m *bus.Memory) {
	m.Join().Publish(bus.Wake{Conversation: "c", Seq: 1})
}
