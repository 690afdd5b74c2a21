# AlphaMail. `make help` lists the targets.

GO       ?= go
TOOL     := $(GO) tool -modfile=tools/go.mod
PACKAGES := ./...
FUZZTIME ?= 10s
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# ADDR is where `make run` serves the web pages.
ADDR     ?= 127.0.0.1:8080

.DEFAULT_GOAL := help
.PHONY: help run build test deps check generate fmt vet lint cross writing order size bench benchmarks faults chaos soak fuzz

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## start the demo: a cluster with sample mail on one machine (ADDR=127.0.0.1:9000 moves it)
	$(GO) run . demo --listen $(ADDR)

build: ## build the program into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/alphamail .

deps: ## install what the tests need (Debian, as root); elsewhere say what is missing
	@deploy/test-deps.sh

test: deps ## run all tests, with the race detector; STRICT=1 makes a test that cannot run a failure
	$(GO) test -race -timeout 30m $(PACKAGES)
	$(GO) test -timeout 5m ./mime
	cd mime/libraries && $(GO) test ./...

check: fmt vet lint generate cross ## formatting, static checks, generated code, import rules, other platforms
	$(GO) test -count=1 -run TestImports .

fmt:
	@unformatted=$$(git ls-files '*.go' | xargs gofmt -l); test -z "$$unformatted" || { echo "not formatted: $$unformatted"; exit 1; }

vet:
	$(GO) vet $(PACKAGES)

lint:
	$(TOOL) staticcheck $(PACKAGES)

# Generated code is checked in; generating it again must change nothing.
generate:
	$(GO) generate $(PACKAGES)
	@changed=$$(git status --porcelain -- '*_templ.go' '*_msgp.go'); test -z "$$changed" || { echo "generated code is out of date:"; echo "$$changed"; exit 1; }

cross:
	GOOS=linux GOARCH=arm64 $(GO) build -o /dev/null .
	GOOS=freebsd GOARCH=amd64 $(GO) build -o /dev/null .
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null .

bench: build deps ## measure AlphaMail beside Roundcube on one Dovecot (Debian, as root; 40 minutes)
	bin/alphamail bench side-by-side --out bin/bench

benchmarks: ## run the benchmarks of single packages
	$(GO) test -run '^$$' -bench . -benchmem $(PACKAGES)

writing: deps ## write mail in lynx, w3m and Chromium over a cluster, on Dovecot, Cyrus and Courier (Debian, as root; 6 minutes)
	WRITING_SERVERS=all $(GO) test -count=1 -timeout 30m -run TestWritingOverACluster -v .

order: deps ## file, search and empty in lynx, w3m and Chromium, on Dovecot, Cyrus and Courier (Debian, as root; 2 minutes)
	ORDER_SERVERS=all $(GO) test -count=1 -timeout 30m -run TestPutInOrderInBrowsers -v .

size: deps ## search and move 50,000 messages while somebody reads on, and print what it took (Debian, as root; 3 minutes)
	AT_SIZE=50000 $(GO) test -count=1 -timeout 30m -run TestAtSize -v .

faults: deps ## break everything at every command while a message is written, and print a table (Debian, as root; 20 minutes)
	WRITING_FAULTS=. $(GO) test -count=1 -timeout 90m -run TestWritingWhateverDies -v .

chaos: deps ## break a cluster in every way while people use it, and print a table (Debian, as root; 15 minutes)
	CHAOS=. $(GO) test -count=1 -timeout 60m -run TestChaos -v .

soak: deps ## the same for 20 minutes with the race detector, by chance, and compare what processes hold (Debian, as root; 30 minutes)
	SOAK=20m $(GO) test -count=1 -timeout 90m -run TestSoak -v .

fuzz: ## fuzz every parser for FUZZTIME each
	@for package in $$($(GO) list $(PACKAGES)); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done
