package testkit

// ServerURI is the server's own, without the watch.
func ServerURI() string { return server.uri }
