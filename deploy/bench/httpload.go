package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is a stream of the same request. It is written raw and read with as little as will do: what the generator costs
// is taken from the same CPUs as what it measures.
type load struct {
	address string
	request []byte
	status  int
}

// request writes an HTTP/1.1 request by hand; headers are "Name: value".
func rawRequest(method, path, body string, headers ...string) []byte {
	text := method + " " + path + " HTTP/1.1\r\nHost: bench.test\r\nAccept: application/json\r\nUser-Agent: bench/1.0 (a browser says a little more)\r\n"
	for _, h := range headers {
		text += h + "\r\n"
	}
	if body != "" {
		text += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return []byte(text + "\r\n" + body)
}

// run keeps conns connections busy for d, and returns how long each request took.
func (l load) run(ctx context.Context, conns int, d time.Duration) (latencies []time.Duration, took time.Duration, err error) {
	each := make([][]time.Duration, conns)
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for i := range conns {
		group.Go(func() (err error) {
			each[i], err = l.one(ctx, began.Add(d))
			return err
		})
	}
	err = group.Wait()
	took = time.Since(began)
	for _, some := range each {
		latencies = append(latencies, some...)
	}
	return latencies, took, err
}

// one is a connection's requests, one after the other.
func (l load) one(ctx context.Context, until time.Time) ([]time.Duration, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", l.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(until.Add(10 * time.Second)); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	var out []time.Duration
	for ctx.Err() == nil { // one at least, on the slowest machine
		began := time.Now()
		if err := l.exchange(conn, in); err != nil {
			return out, err
		}
		out = append(out, time.Since(began))
		if !time.Now().Before(until) {
			return out, nil
		}
	}
	return out, ctx.Err()
}

func (l load) exchange(conn io.Writer, in *bufio.Reader) error {
	if _, err := conn.Write(l.request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != l.status {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 300)) // the status is the error
		return fmt.Errorf("%s: %s", resp.Status, body)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
