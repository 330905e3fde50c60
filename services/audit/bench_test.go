package audit_test

import (
	"syscall"
	"testing"
	"time"

	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

// BenchmarkIngestOverHTTP is the CPU time of an event that comes in a shipment of 200, until it is durable and rules and
// places have seen it; the little that the client needs is in it.
func BenchmarkIngestOverHTTP(b *testing.B) {
	w := newWorld(b, onSQLite(b), asItIs)
	account := id.New("acc")
	shipments := make([]record.Shipment, 40)
	var spent time.Duration
	began := cpu(b)
	for sent := 0; b.Loop(); sent++ {
		if sent %= len(shipments); sent == 0 {
			before := cpu(b)
			for i := range shipments {
				shipments[i] = w.log(module.Auth).Shipment(b, signIns(200, account)...)
			}
			spent += cpu(b) - before
		}
		w.held(w.send(module.Auth, shipments[sent]))
	}
	testkit.Eventually(b, testkit.Patience, func() (bool, string) {
		return w.Metric("centinela_audit_follower_lag_events") == 0, "not all are seen yet"
	})
	b.ReportMetric(float64((cpu(b)-began-spent).Microseconds())/float64(b.N*200), "cpu-µs/event")
}

// cpu is what this process has used.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
