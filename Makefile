# Centinela. `make` lists what there is.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

GO        ?= go
# The version is stamped below; asking git for it again fails where the checkout belongs to somebody else.
GOFLAGS   ?= -buildvcs=false
export GOFLAGS
VERSION   ?= $(shell git describe --always --dirty 2>/dev/null || echo unknown)
DATA      ?= ./data
FUZZTIME  ?= 20s
# How often make stress runs everything.
STRESS    ?= 10
# How many mutants, and which sample of them.
MUTANTS   ?= 50
SEED      ?= 1
# Everything but the tests that drive whole suites from outside.
UNIT_PKGS  = $(shell $(GO) list ./... | grep -v '^centinela/deploy/')
# Where goroutines share data.
RACE_PKGS ?= ./shared/... ./services/... ./gateway/...

# Tools have modules of their own, so that their dependencies never become ours.
GOFUMPT = $(GO) tool -modfile=tools/gen.mod gofumpt
LINT    = $(GO) tool -modfile=tools/lint.mod golangci-lint
REPORT  = $(GO) run ./tools/testreport

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/centinela
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/centinela .

.PHONY: run
run: build ## build and serve the whole suite on http://127.0.0.1:8080, data in ./data
	@exec bin/centinela all --data $(DATA)

# The end-to-end suites build and drive the binary, which go's cache of results doesn't know of: always fresh.
.PHONY: test
test: ## vet, then every test: unit, conformance, component, e2e
	$(GO) vet ./...
	$(GO) -C deploy/testmongo vet ./...
	@{ failed=0; \
	   $(GO) test -json -vet=off -timeout 15m $$($(GO) list ./... | grep -v '^centinela/deploy/e2e') || failed=1; \
	   $(GO) test -json -vet=off -count=1 -timeout 15m ./deploy/e2e/... || failed=1; \
	   $(GO) -C deploy/testmongo test -json -vet=off -timeout 5m ./... || failed=1; \
	   exit $$failed; } | $(REPORT)

.PHONY: unit
unit: ## the tests without the end-to-end suites (under a minute; lint vets)
	@$(GO) test -json -vet=off -p 4 -timeout 10m $(UNIT_PKGS) | $(REPORT)

.PHONY: e2e
e2e: ## the end-to-end scenarios only, fresh
	@$(GO) test -json -count=1 -timeout 15m ./deploy/e2e/... | $(REPORT)

.PHONY: stress
stress: ## unit, component and e2e tests STRESS (10) times, every core kept busy by another process (hours)
	@for _ in $$(seq $$(getconf _NPROCESSORS_ONLN)); do (while kill -0 $$$$; do :; done) & done 2>/dev/null; \
	failed=0; for round in $$(seq $(STRESS)); do \
	  echo "=== round $$round of $(STRESS)"; $(MAKE) once || { failed=$$((failed + 1)); echo "=== round $$round FAILED"; }; \
	done; \
	echo "=== $$failed of $(STRESS) rounds failed, with every core kept busy"; [ $$failed = 0 ]

.PHONY: once
once:
	@$(GO) test -json -vet=off -count=1 -timeout 60m ./... | $(REPORT)

.PHONY: mutants
mutants: ## change MUTANTS (50) security-relevant lines, one at a time: would the tests notice?
	@$(GO) run ./tools/mutants -n $(MUTANTS) -seed $(SEED)

.PHONY: race
race: ## the tests of shared, services and gateway under the race detector
	@CGO_ENABLED=1 $(GO) test -json -race -vet=off -timeout 15m $(RACE_PKGS) | $(REPORT)

.PHONY: fuzz
fuzz: ## each fuzz test for FUZZTIME (20s); by default an interesting input is shortened for a minute, and nothing tried
	@targets=$$(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's|/[^/]*_test.go:func | |' | sort -u); \
	if [ -z "$$targets" ]; then echo 'no fuzz tests'; exit 1; fi; \
	while read -r dir name; do \
	  echo "== $$dir $$name"; $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$dir"; \
	done <<< "$$targets"

.PHONY: bench
bench: build ## measure the suite beside its baselines (BENCH='-quick -only chat,gateway'; BENCH=--help)
	@$(GO) run ./deploy/bench -binary bin/centinela $(BENCH)

.PHONY: browser
browser: build ## the pages in a real browser (needs Node 20 and chromium)
	$(GO) build -o bin/suite-serve ./deploy/suite/serve
	npm ci --prefix deploy/browser --no-audit --no-fund
	CENTINELA_BIN=$(CURDIR)/bin/centinela npm test --prefix deploy/browser

.PHONY: check
check: fmt-check lint check-gen arch unit ## what to run before a commit

.PHONY: ci
ci: ## everything that must hold, on a bare machine
	@tools/ci.sh

.PHONY: gen
gen: ## generate openapi/gen from the specifications
	$(GO) run ./openapi/bundle

.PHONY: check-gen
check-gen: gen ## fail if openapi/gen isn't what the specifications give
	@git diff --exit-code --stat -- openapi/gen \
	  || { echo 'openapi/gen differs from its specifications: run "make gen" and commit'; exit 1; }
	@new=$$(git ls-files --others --exclude-standard -- openapi/gen); \
	if [ -n "$$new" ]; then printf 'generated, but not committed:\n%s\n' "$$new"; exit 1; fi

.PHONY: arch
arch: ## the rules of imports, sizes and names
	$(GO) test ./arch_test.go ./arch_code_test.go

.PHONY: lint
lint: ## golangci-lint (builds it the first time: minutes)
	$(LINT) run ./...

.PHONY: fmt
fmt: ## format all Go files
	$(GOFUMPT) -w .

.PHONY: fmt-check
fmt-check: ## fail if a Go file isn't formatted
	@list=$$($(GOFUMPT) -l .); \
	if [ -n "$$list" ]; then printf 'not formatted (make fmt):\n%s\n' "$$list"; exit 1; fi

.PHONY: clean
clean: ## remove what was built (not ./data)
	rm -rf bin coverage
