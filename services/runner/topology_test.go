package runner

import (
	"net"
	"strings"
	"testing"

	"centinela/shared/module"
)

// FR A30: where the configuration leaves an address open, a machine without
// 127.0.0.1 takes the next loopback address. 240.0.0.1 (RFC 1112 §4) is an address
// that no machine has.
func TestLoopbackThatIsThere(t *testing.T) {
	if got := local([]string{"240.0.0.1", "127.0.0.1"}); got != "127.0.0.1" {
		t.Errorf("got %s", got)
	}
	if got := local([]string{"127.0.0.1", "240.0.0.1"}); got != "127.0.0.1" {
		t.Errorf("the first that is there is %s", got)
	}
	if got := local([]string{"240.0.0.1", "240.0.0.2"}); got != "240.0.0.1" {
		t.Errorf("none is there: %s", got)
	}
}

// On an IPv6 address the internal listeners, the operations and the peers' URLs
// are all of one mind.
func TestTopologyOnIPv6(t *testing.T) {
	cfg := load(t, "services.auth.url=http://auth:1")
	all := &topology{cfg: cfg, targets: rows(All), host: "::1", bound: map[string]net.Listener{}}
	if address, key := all.listen(rows(module.Audit)[0]); address != "[::1]:0" || key != "services.audit.listen" {
		t.Error(address, key)
	}
	alone := &topology{cfg: cfg, targets: rows(module.ChatRelay), host: "::1", bound: map[string]net.Listener{}}
	if address, key := alone.listen(rows(module.ChatRelay)[0]); address != "[::1]:8083" || key != "services.chat_relay.listen" {
		t.Error(address, key)
	}
	if address, key := alone.ops(); address != "[::1]:9083" || key != "services.chat_relay.ops" {
		t.Error(address, key)
	}
	if url := alone.peerURL(module.Audit); url != "http://[::1]:8084" {
		t.Error(url)
	}
	if url := alone.peerURL(module.Auth); url != "http://auth:1" {
		t.Error(url)
	}
}

// KA W5: a part is one row; what it needs elsewhere derives from it.
func TestTable(t *testing.T) {
	var printed strings.Builder
	if err := load(t).Print(&printed); err != nil {
		t.Fatal(err)
	}
	names, ports, keys := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, r := range table {
		if names[r.name] || ports[r.port] && r.port != "" || ports[r.opsPort] || r.help == "" || r.section == nil || r.build == nil {
			t.Errorf("%s: a name or a port twice, or something is missing", r.name)
		}
		names[r.name], ports[r.port], ports[r.opsPort] = true, true, true
		if !strings.Contains(printed.String(), "\n"+r.key()+":\n") || !strings.Contains(printed.String(), "\n  "+r.key()+":\n") {
			t.Errorf("%s has no section or no addresses in the configuration", r.name)
		}
		for _, file := range r.keyFiles() {
			if keys[file.Name] || file.For == "" || file.Lost == "" || !strings.HasPrefix(file.Name, r.name) {
				t.Errorf("%s: key file %s", r.name, file.Name)
			}
			keys[file.Name] = true
		}
	}
	if got := len(allKeys()); got != len(keys)+1 {
		t.Errorf("%d key files, want those of all parts and the operator's: %d", got, len(keys)+1)
	}
}
