# rollcall: `make` lists the targets.
SHELL := /bin/bash
TOOL := go tool -modfile=go.tool.mod
GOFLAGS += -trimpath
export CGO_ENABLED ?= 0

.PHONY: help build demo deps test check format lint generated generate bench real-input clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build build/rollcall, one static binary
	go build $(GOFLAGS) -o build/rollcall ./cmd/rollcall

demo: build ## the main job on embedded defaults: simulator, sample company, plan, apply, second plan, report
	./build/rollcall demo

deps: ## install what the tests need and this machine lacks (Debian: gcc, nodejs, npm, postgresql; npm packages)
	./scripts/deps.sh

test: deps ## install what the tests need, then run them all
	./scripts/test.sh

check: format lint test generated ## what CI runs: format, vet, lint, tests, generated files current

format: ## fail where gofumpt would change a file
	@out=$$($(TOOL) gofumpt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "not formatted (run: $(TOOL) gofumpt -w .):"; echo "$$out"; exit 1; }

lint: ## vet and lint
	go vet ./...
	$(TOOL) golangci-lint run

generate: ## write the files that are made from code: reference pages, JSON Schema
	go run ./internal/docgen .

generated: generate ## fail where a generated file is not current
	@git diff --exit-code --stat -- docs schema CHANGELOG.md || { echo "generated files are not current: run make generate and commit"; exit 1; }
	@out=$$(git ls-files --others --exclude-standard -- docs schema); [ -z "$$out" ] || { echo "generated files are not committed:"; echo "$$out"; exit 1; }

bench: build ## benchmarks at 1k, 10k, 100k people, the whole against the simulator included
	go test -run '^$$' -bench . -benchmem -p 1 -timeout 60m ./...
	build/rollcall bench --people 1000 --people 10000 --people 100000 --against-naive

bench-million: build ## plan and apply against a million people: hours, and 20 GB of disk
	build/rollcall bench --people 100000 --people 1000000 --against-naive

real-input: build ## try the real input: make real-input REAL_INPUT=DIR
	REAL_INPUT=$(abspath $(REAL_INPUT)) go test -tags realinput -count=1 -v -run Real ./cmd/rollcall ./source/filesource

clean: ## remove what was built
	rm -rf build
