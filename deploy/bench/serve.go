package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/http/pprof"
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/crypto/argon2"
)

const (
	serveCommand = "serve"
	listening    = "listening "
)

// serve runs a baseline until its stdin is closed: `serve <what> [argument]`. It says on stdout where it listens.
func serve(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("serve: which baseline?")
	}
	handler, err := baseline(ctx, args[0], append(args, "")[1])
	if err != nil {
		return fmt.Errorf("serve %s: %w", args[0], err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, in) // until the parent closes it, or is gone
		_ = server.Close()             // Serve returns
	}()
	fmt.Fprintln(out, listening+l.Addr().String())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func baseline(ctx context.Context, what, argument string) (http.Handler, error) {
	switch what {
	case "proxy":
		return bareProxy(argument), nil
	case "gin":
		return bareGin(bareProxy(argument)), nil
	case "service":
		return trivialService(bareProxy(argument)), nil
	case "hub":
		return withMemory(newHub()), nil
	case "rows":
		return openRows(ctx, argument)
	case "hash":
		return counted(hashes), nil
	}
	return nil, errors.New("no such baseline")
}

// bareProxy is net/http's reverse proxy with the gateway's pool of connections, and nothing else.
func bareProxy(to string) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:   func(pr *httputil.ProxyRequest) { pr.SetURL(&url.URL{Scheme: "http", Host: to}) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}
}

// bareGin is what the design compares the gateway with: gin, and the bare proxy behind two routes.
func bareGin(proxy http.Handler) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/v1/me", gin.WrapH(proxy))
	engine.POST("/v1/accounts", gin.WrapH(proxy))
	return engine
}

// trivialService answers two of auth's operations from memory, so that the cost of the proxy in front of it is seen,
// and leaves the rest (the keys of access tokens) to auth.
func trivialService(auth http.Handler) http.Handler {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // a client that left needs no answer
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /v1/me", answer(http.StatusOK, accountBody))
	mux.Handle("POST /v1/accounts", answer(http.StatusCreated, `{"account":`+accountBody+`,"saved_codes":["k7w2-9xq4-m3t8-v6hz","a","b","c"]}`))
	mux.Handle("/", auth)
	return mux
}

const accountBody = `{"id":"acc_0123456789abcdefghjkmnpq","user_name":"visitor0000","created_at":"2026-11-24T09:00:00Z","locale":"en","saved_codes_left":4}`

// withMemory adds the profiles that memory is read from, as the suite's operations listener has them.
func withMemory(h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	return mux
}

// counted does work n times a call, `POST /?n=10`, and answers what it says of it.
func counted(work func(ctx context.Context, n int) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.URL.Query().Get("n"))
		if err != nil || n < 1 || n > 1000 {
			http.Error(w, "n must be from 1 to 1000", http.StatusBadRequest)
			return
		}
		done, err := work(r.Context(), n)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(done) // the parent may be gone
	})
}

// The cost of a hash by default (design: auth, "Parameters").
const (
	hashTime    = 3
	hashMemory  = 64 << 10 // KiB
	hashThreads = 4
	hashLength  = 32
)

// hashes are n bare ones.
func hashes(_ context.Context, n int) (any, error) {
	salt := make([]byte, 16)
	for range n {
		salt[0]++
		argon2.IDKey([]byte(password), salt, hashTime, hashMemory, hashThreads, hashLength)
	}
	return n, nil
}
