package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"centinela/services/runner"
)

// details are what --help says of a verb below its flags.
var details = map[string]string{
	"audit":                 "Examples:\n  centinela audit --config /etc/centinela.yaml\n  centinela audit verify --config /etc/centinela.yaml",
	"audit verify":          "Exits with 0 when the record is whole, 1 when it was altered or can't be read.\n\nExamples:\n  centinela audit verify --data ./data\n  centinela audit verify --config /etc/centinela.yaml",
	"backup":                "Copies the databases (each as it is at one moment, all moments within milliseconds), the keys and the record's checkpoint, while the suite works on. The folder then holds secrets: keep it as you keep the data. On MongoDB the databases are not in it.\n\nExamples:\n  centinela backup /backup/monday --config /etc/centinela.yaml\n  centinela audit verify --data /backup/monday",
	"config":                "Defaults, then the file, then CENTINELA_… variables (gateway.listen is CENTINELA_GATEWAY_LISTEN), then --set: the later wins.\n\nExamples:\n  centinela config print > /etc/centinela.yaml\n  centinela config check --config /etc/centinela.yaml",
	"config check":          "A dry start: what it passes starts. It reads keys, certificates and databases' versions, tries folders and ports, and leaves nothing behind (a MongoDB server isn't asked). Exits with 0 when all is right, 2 when the configuration is wrong, 1 when this machine isn't ready for it.\n\nExamples:\n  centinela config check --config /etc/centinela.yaml\n  centinela config check --for gateway --config /etc/centinela.yaml",
	"config print":          "Prints YAML that --config takes again, with what each key is and in which unit, each secret as [redacted]: name a file with it instead.\n\nExamples:\n  centinela config print\n  centinela config print --set profile=production > /etc/centinela.yaml",
	"demo":                  "Plays the story of two accounts, and checks each step: a line each, exit code 1 at the first that differs. It moves the suite's clock more than a year ahead, and no way leads back: play it on a data folder for trying things out. Play it as often as you like: everybody in it is new each time.\n\nExamples:\n  centinela demo\n  centinela demo --url http://127.0.0.1:8080 --operator-key ./data/keys/operator.key",
	"firewall":              "Examples:\n  centinela firewall add 192.0.2.7 --for 1h --reason \"scans the sign-in\"\n  centinela firewall add 2001:db8:7::/48 --for 24h --reason flood\n  centinela firewall add account acc_… --for 10m --reason \"asked by its owner\"\n  centinela firewall list\n  centinela firewall remove vrd_…",
	"firewall add":          "Examples:\n  centinela firewall add 192.0.2.7 --reason \"scans the sign-in\"\n  centinela firewall add prefix 192.0.2.0/24 --for 1h --reason flood\n  centinela firewall add acc_… 192.0.2.0/24 --action throttle --reason \"tries codes\"\n  centinela firewall add ip 192.0.2.4 --action allow --for 720h --reason \"our office\"",
	"firewall list":         "Lists what operators and rules decided.\n\nExamples:\n  centinela firewall list\n  centinela firewall list --json --url https://id.example.org --key /etc/centinela/keys/operator.key",
	"firewall remove":       "Example:\n  centinela firewall remove vrd_…",
	"health":                "Exits with 0 when it is ready, 1 when it is not or doesn't answer.\n\nExamples:\n  centinela health\n  centinela health --url http://127.0.0.1:9081 --json",
	"keys":                  "Each service needs its own NAME.key and the NAME.pub of all who call it. Files that exist are left alone.\n\nExample:\n  centinela keys /etc/centinela/keys",
	"recover":               "Each step prints where the recovery stands: what was accepted, why it waits, until when, what would shorten it, what is next. Exits with 1 when a step is refused.\n\nExamples:\n  centinela recover start ana --url https://id.example.org --lang es\n  centinela recover code\n  centinela recover evidence sms 12345678\n  centinela recover status\n  centinela recover complete < new-password",
	"recover start":         "Example:\n  centinela recover start ana --url https://id.example.org --file ~/ana.json",
	"recover status":        "Example:\n  centinela recover status --lang es",
	"recover code":          "Examples:\n  centinela recover code\n  centinela recover code --number \"+51 987 654 321\"",
	"recover evidence":      "Examples:\n  centinela recover evidence sms 1234-5678\n  centinela recover evidence saved_code < saved-code",
	"recover complete":      "Example:\n  centinela recover complete < new-password",
	"recovery":              "Examples:\n  centinela recovery --config /etc/centinela.yaml\n  centinela recovery explain rec_… --data ./data\n  centinela recovery policy check my-policy.yaml",
	"recovery explain":      "Reads the store, whether recovery runs or not. The id is in the recovery's answers, in the owner's list of recoveries and in the record. Exits with 0, or 1 when there is no such recovery or its decisions were altered.\n\nExamples:\n  centinela recovery explain rec_… --data ./data\n  centinela recovery explain rec_… --locale es --config /etc/centinela.yaml",
	"recovery replay":       "Decides again on the facts that were kept with each decision, and changes nothing.\n\nExamples:\n  centinela recovery replay --policy my-policy.yaml --data ./data\n  centinela recovery replay rec_… --policy my-policy.yaml --config /etc/centinela.yaml",
	"recovery policy":       "Examples:\n  centinela recovery policy print > my-policy.yaml\n  centinela recovery policy check my-policy.yaml",
	"recovery policy check": "Walks every situation there is: more evidence is never later, unknown never better than known, silence never better than an answer, a younger number never better than the oldest, and nothing is below a floor. Exits with 0 when all of it holds, 2 with a line for each row that breaks it.\n\nExamples:\n  centinela recovery policy check my-policy.yaml\n  centinela recovery policy check --config /etc/centinela.yaml",
	"recovery policy print": "Prints the shipped policy, or the one in recovery.policy_file.\n\nExample:\n  centinela recovery policy print > my-policy.yaml",
	"restore":               "Checks the whole backup (sizes, SHA-256, versions) and puts it into data_dir and key_dir, which must be empty; when anything is wrong, nothing is changed. Then start the suite as ever. Whoever signed in or refreshed after the backup signs in again.\n\nExamples:\n  centinela restore /backup/monday --data ./data\n  centinela restore /backup/monday --config /etc/centinela.yaml",
	"version":               "Example:\n  centinela version",
}

// runDetails are those of the verb that runs a target.
func runDetails(target string) string {
	examples := fmt.Sprintf("  centinela %s --config /etc/centinela.yaml\n  centinela config check --for %s --config /etc/centinela.yaml", target, target)
	switch target {
	case runner.All:
		examples = "  centinela all --data ./data\n" + examples + "\n  centinela all --set gateway.listen=127.0.0.1:9000"
	case "gateway":
		examples += "\n  centinela gateway --set gateway.listen=0.0.0.0:8443 --set services.auth.url=http://auth:8081"
	default:
		key := strings.ReplaceAll(target, "-", "_")
		examples += fmt.Sprintf("\n  centinela %s --set services.%s.listen=0.0.0.0:8081 --set services.audit.url=http://audit:8084", target, key)
	}
	return "Examples:\n" + examples + "\n\nLogs go to standard error as JSON lines. SIGTERM drains and stops, a second one stops at once."
}

// withDetails gives every verb its own.
func withDetails(k *kong.Kong) error {
	return kong.Visit(k.Model.Node, func(v kong.Visitable, next kong.Next) error {
		if node, ok := v.(*kong.Node); ok {
			run, runs := node.Target.Addr().Interface().(*runCmd)
			if node.Detail = details[node.Path()]; runs {
				node.Detail = runDetails(run.target)
			}
		}
		return next(nil)
	})
}
