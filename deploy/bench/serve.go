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
	handler, stop, err := baseline(ctx, args[0], args[1:])
	if err != nil {
		return fmt.Errorf("serve %s: %w", args[0], err)
	}
	defer stop()
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

func baseline(ctx context.Context, what string, args []string) (http.Handler, func(), error) {
	nothing := func() {}
	argument := ""
	if len(args) > 0 {
		argument = args[0]
	}
	switch what {
	case "proxy":
		proxy, err := bareProxy(argument)
		return proxy, nothing, err
	case "gin":
		proxy, err := bareProxy(argument)
		return bareGin(proxy), nothing, err
	case "service":
		service, err := trivialService(argument)
		return service, nothing, err
	case "hub":
		return withMemory(newHub()), nothing, nil
	case "rows":
		return openRows(ctx, argument)
	case "hash":
		return hasher(), nothing, nil
	}
	return nil, nil, errors.New("no such baseline")
}

// bareProxy is net/http's reverse proxy with the gateway's pool of connections, and nothing else.
func bareProxy(to string) (http.Handler, error) {
	target, err := url.Parse("http://" + to)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite:   func(pr *httputil.ProxyRequest) { pr.SetURL(target) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}, nil
}

// bareGin is what the design compares the gateway with: gin, and the bare proxy behind two routes.
func bareGin(proxy http.Handler) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	handler := func(c *gin.Context) { proxy.ServeHTTP(c.Writer, c.Request) }
	engine.GET("/v1/me", handler)
	engine.POST("/v1/accounts", handler)
	return engine
}

// trivialService answers two of auth's operations from memory, so that the cost of the proxy in front of it is seen,
// and leaves the rest (the keys of access tokens) to auth.
func trivialService(auth string) (http.Handler, error) {
	rest, err := bareProxy(auth)
	if err != nil {
		return nil, err
	}
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
	mux.Handle("/", rest)
	return mux, nil
}

const accountBody = `{"id":"acc_0123456789abcdefghjkmnpq","user_name":"visitor0000","created_at":"2026-11-24T09:00:00Z","locale":"en","saved_codes_left":4}`

// withMemory adds the profiles that memory is read from, as the suite's operations listener has them.
func withMemory(h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	return mux
}

// The cost of a hash by default (design: auth, "Parameters").
const (
	hashTime    = 3
	hashMemory  = 64 << 10 // KiB
	hashThreads = 4
	hashLength  = 32
)

// hasher does n bare hashes a call: `POST /?n=10`.
func hasher() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.URL.Query().Get("n"))
		if err != nil || n < 1 || n > 1000 {
			http.Error(w, "n must be from 1 to 1000", http.StatusBadRequest)
			return
		}
		salt := make([]byte, 16)
		for range n {
			salt[0]++
			argon2.IDKey([]byte(password), salt, hashTime, hashMemory, hashThreads, hashLength)
		}
		answerJSON(w, n)
	})
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the parent may be gone
}
