package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"centinela/deploy/suite"
)

// Every command of the operators' page is run, in its order, against a suite in the
// production profile: before the first start, beside it, and after a restore.
func TestOperationsPage(t *testing.T) {
	page := readFile(t, "../OPERATIONS.md")
	root := t.TempDir()
	state, backups := filepath.Join(root, "state"), filepath.Join(root, "backup")
	gateway, ops := freePort(t), freePort(t)
	token := writeFile(t, filepath.Join(root, "token"), twilioToken)
	config := writeFile(t, filepath.Join(root, "centinela.yaml"), strings.NewReplacer("listen: 127.0.0.1:0 # metrics", "listen: "+ops+" # metrics", "listen: 127.0.0.1:0\n  public_base", "listen: "+gateway+"\n  public_base").Replace(
		filledIn(t, "../config/production-one-machine.yaml", "/var/lib/centinela", state, "/run/credentials/centinela.service/twilio-token", token)))
	here := strings.NewReplacer("/etc/centinela/centinela.yaml", config, "/var/lib/centinela", state, "/backup", backups, "127.0.0.1:9080", ops, "127.0.0.1:8080", gateway)

	var p *suite.Process
	start := func() {
		var err error
		if p, err = suite.Launch(t.TempDir(), "all", binary, "all", "--config", config); err == nil {
			err = p.AwaitReady(t.Context(), ops)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	stop := func() {
		if err := p.Terminate(); err != nil {
			t.Fatal(err)
		}
	}
	sections := regexp.MustCompile(`(?m)^## `).Split(page, -1)
	ran := 0
	for _, section := range sections {
		title, _, _ := strings.Cut(section, "\n")
		switch title { // what the page says in words
		case "Is it well?":
			start()
		case "Restore":
			stop()
			if err := os.Rename(state, state+".away"); err != nil {
				t.Fatal(err)
			}
		case "Upgrade":
			start()
		}
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1) {
			for line := range strings.Lines(block[1]) {
				words := regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(here.Replace(line), -1)
				for i := range words {
					words[i] = strings.Trim(words[i], `"`)
				}
				if words[0] != "centinela" {
					t.Fatalf("%s: %q is no command of ours", title, line)
				}
				if out, code := command(t, words[1:]...); code != 0 || strings.Contains(out, twilioToken) {
					t.Errorf("%s: %sexit code %d: %s", title, line, code, out)
				}
				ran++
			}
		}
	}
	stop()
	if ran != strings.Count(page, "\ncentinela ") || ran < 10 {
		t.Errorf("%d commands were run, the page has %d", ran, strings.Count(page, "\ncentinela "))
	}
}
