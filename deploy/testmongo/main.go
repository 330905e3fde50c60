package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testmongo:", err)
		os.Exit(1)
	}
}

// run serves until stdin closes or a signal comes, then removes its folder.
func run(stdin io.Reader, stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	folder, err := claimFolder()
	if err != nil {
		return err
	}
	defer folder.remove()

	// Files and never mode=memory, which deadlocks in FerretDB v1.
	socket := filepath.Join(folder.path, "db.sock")
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{Unix: socket},
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Handler:   "sqlite",
		SQLiteURL: "file:" + folder.path + "/",
	})
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- server.Run(ctx) }()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p := &proxy{dial: func() (net.Conn, error) { return net.Dial("unix", socket) }}
	go p.serve(listener)
	if _, err := fmt.Fprintf(stdout, "MONGODB_URI=mongodb://%s/\n", listener.Addr()); err != nil {
		return err
	}

	go func() {
		// Whatever the read says, the end of stdin means the end of the owner.
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
	}()
	<-ctx.Done()
	if err := listener.Close(); err != nil {
		return err
	}
	p.close()
	return <-served
}
