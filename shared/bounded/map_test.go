package bounded_test

import (
	"sync"
	"testing"

	"centinela/shared/bounded"
)

// TestMap holds the rule of gateway.md, "memory is bounded however many keys come".
func TestMap(t *testing.T) {
	t.Run("never_holds_more_than_the_limit", func(t *testing.T) {
		m := bounded.New[int, int](1000)
		for i := range 100_000 {
			m.Put(i, i)
			if i%1000 == 0 && m.Len() > 1000 {
				t.Fatalf("after %d keys: %d entries, want at most 1000", i, m.Len())
			}
		}
		if n := m.Len(); n > 1000 || n < 400 {
			t.Errorf("holds %d entries at the end, want 400 to 1000", n)
		}
	})
	t.Run("what_is_used_survives", func(t *testing.T) {
		m := bounded.New[int, string](1000)
		m.Put(-1, "kept")
		for i := range 50_000 {
			m.Put(i, "x")
			if _, ok := m.Get(-1); !ok {
				t.Fatalf("lost the key in use after %d others", i)
			}
		}
	})
	t.Run("update_is_atomic", func(t *testing.T) {
		m := bounded.New[string, int](100)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				for range 100 {
					m.Update("k", func(n int, _ bool) int { return n + 1 })
				}
			})
		}
		wg.Wait()
		if n, _ := m.Get("k"); n != 5000 {
			t.Errorf("counted %d, want 5000", n)
		}
	})
	t.Run("delete", func(t *testing.T) {
		m := bounded.New[string, int](100)
		m.Put("a", 1)
		m.Put("b", 2)
		m.Delete("a")
		if _, ok := m.Get("a"); ok {
			t.Error("a is still there after Delete")
		}
		if m.Len() != 1 {
			t.Errorf("%d entries left, want 1", m.Len())
		}
	})
}
