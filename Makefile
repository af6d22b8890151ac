# The index of everything that can be done here: make help.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export GOTOOLCHAIN := local
export GOFLAGS := -buildvcs=false
# CLUSTER chooses where cluster targets work: local (built and run here), kind, or existing (KUBECONFIG).
CLUSTER ?= local
export CLUSTER
ROOT := $(CURDIR)
BIN := $(ROOT)/bin
STATE := $(or $(OPTUP_CLUSTER_DIR),/var/lib/optup-cluster)
ifeq ($(CLUSTER),local)
export KUBECONFIG := $(STATE)/admin.kubeconfig
endif
CLUSTERCTL = go -C hack/cluster run . --cluster $(CLUSTER)
VERSION ?= dev
LDFLAGS = -s -w -X main.version=$(VERSION)
# Packages that need no cluster node.
TESTS = $(shell go list ./... | grep -v -e /test/e2e -e /test/faults)
SEED ?=
FUZZTIME ?= 30s
# The order of the end-to-end specs. Each run has the same, so that a failure can be seen again; E2E_SEED=$RANDOM tries another one.
E2E_SEED ?= 1796014199
BYPASSTIME ?= 60s

##@ General

.PHONY: help
help: ## Show this index.
	@awk 'BEGIN {FS = ":.*## "; printf "make <target>   (CLUSTER=local|kind|existing, now $(CLUSTER))\n"} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: cluster-up images $(BIN)/helm ## The main job on a real cluster: install OptUp, run the shop, show what changed. Leaves it running.
	go run ./test/demo --helm $(BIN)/helm

.PHONY: test
test: packages assets axe mailpit ## Everything that needs no cluster node, with the race detector.
	@command -v gcc > /dev/null || { echo "the race detector needs a C compiler: apt-get install gcc libc6-dev" >&2; exit 1; }
	KUBEBUILDER_ASSETS=$(BIN)/cluster go test -race -timeout 20m $(TESTS)
	go test ./internal/facts ./internal/decide ./internal/ledger/client ./internal/jsonfilter # once more: memory and allocations are not counted with the detector
	go test -race -timeout 10m ./test/faults # alone: it starves the machine
	go -C test/doors test ./... # a module of its own, with gRPC and Envoy's messages
	go -C hack/cluster test . # the local cluster, which is a module of its own
	go -C test/bench test ./... # what judges the benchmarks, with their peers

# What the tests need besides Go, as Debian packages them; installed only if that was asked for.
.PHONY: packages
packages:
	@if [ -n "$${OPTUP_INSTALL:-}" ] && [ -z "$${CI:-}" ] && command -v apt-get > /dev/null; then \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium curl gcc libc6-dev nodejs npm openjdk-17-jdk-headless php-cli php-curl postgresql python3 python3-aiohttp python3-httpx python3-requests ruby > /dev/null; fi

.PHONY: e2e
e2e: packages cluster-up images e2e-images $(BIN)/helm ## Real pods on the cluster.
	HELM=$(BIN)/helm go test -count=1 -timeout 40m -v ./test/e2e -ginkgo.seed=$(E2E_SEED)

.PHONY: bench
bench: ## Measure against peers in the same run; writes dist/bench.json.
	@if [ -d test/bench ]; then cd test/bench && go run . --out $(ROOT)/dist/bench.json; \
	else echo "no benchmarks yet: they will live in test/bench, a module of its own"; exit 1; fi

# Go 1.26 fails a target at times when its time is up on a busy machine, with a line that says only that (golang/go#75804): no finding.
.PHONY: fuzz
fuzz: $(BIN) ## Fuzz every fuzz target for FUZZTIME each.
	@failed=; for p in $$(grep -rl --include=*_test.go '^func Fuzz' internal | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9]+' $$p/*_test.go | cut -d' ' -f2); do \
	    go test -run=NONE -fuzz="^$$f$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=100x ./$$p 2>&1 | tee $(BIN)/fuzz.log || \
	    grep -qx ' *context deadline exceeded' $(BIN)/fuzz.log || failed="$$failed $$p.$$f"; done; done; \
	  if [ -n "$$failed" ]; then echo "these found something, and its input is in testdata/fuzz:$$failed" >&2; exit 1; fi

.PHONY: fuzz-bypass
fuzz-bypass: ## Try to get around the sidecar for BYPASSTIME, before services on Go, Node and Python, and find every planted defect.
	go run ./test/bypass --time $(BYPASSTIME) $(if $(SEED),--seed $(SEED))

.PHONY: dashboard
dashboard: build cli assets ## Draw the Grafana dashboard with the data of a real run into docs/images/dashboard.png. Needs chromium.
	go -C hack/dashboard run .

.PHONY: pictures
pictures: axe mailpit ## Take the pictures of the pages for people into docs/images/pages, with a real ledger. Needs chromium.
	OPTUP_PICTURES=$(ROOT)/docs/images/pages go test -count=1 -run '^TestPagesOfARealLedger$$' ./internal/ledger/server

##@ Build

.PHONY: build
build: $(BIN) ## Build the product's binaries into bin/.
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/manager .
	for c in sidecar ledger shop; do CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/$$c ./cmd/$$c; done

# The tag of images names their content, so that no node ever runs an older build under the same name.
.PHONY: images
images: build ## Build the images without a container engine and hand them to the cluster.
	cd $(BIN) && echo $(VERSION)-$$(sha256sum manager sidecar ledger shop | sha256sum | cut -c1-12) > tag
	for c in manager sidecar ledger shop; do \
	  $(CLUSTERCTL) image --name optup/$$c:$$(cat $(BIN)/tag) --entrypoint /$$c $(BIN)/$$c; done

# Images of the end-to-end tests: PostgreSQL as this machine's package has it, without its package manager, and Mailpit.
PGDIR = $(lastword $(sort $(wildcard /usr/lib/postgresql/*)))
PGSHARE = /usr/share/postgresql/$(notdir $(PGDIR))
.PHONY: e2e-images
e2e-images: $(BIN) $(BIN)/mailpit client-images
	@test -x "$(PGDIR)/bin/postgres" || { echo "the end-to-end tests need PostgreSQL's server: apt-get install postgresql" >&2; exit 1; }
	CGO_ENABLED=0 go build -trimpath -o $(BIN)/pods/postgres ./test/pods/postgres
	cat $(BIN)/pods/postgres $(PGDIR)/bin/postgres $(BIN)/mailpit Makefile | sha256sum | cut -c1-12 > $(BIN)/pods/tag
	$(CLUSTERCTL) image --name optup/postgres:$$(cat $(BIN)/pods/tag) --entrypoint /postgres --arg $(PGDIR)/bin --libraries $(BIN)/pods/postgres test/pods/postgres/passwd=/etc/passwd \
	  $(foreach p,postgres initdb,$(PGDIR)/bin/$(p)=$(PGDIR)/bin/$(p)) \
	  $(foreach l,plpgsql dict_snowball,$(PGDIR)/lib/$(l).so=$(PGDIR)/lib/$(l).so) \
	  $(PGSHARE)=$(PGSHARE) /usr/share/zoneinfo=/usr/share/zoneinfo $$(readlink -f /bin/sh)=/bin/sh
	$(CLUSTERCTL) image --name optup/mailpit:$$(cat $(BIN)/pods/tag) --entrypoint /mailpit --libraries $(BIN)/mailpit

# Images of real clients: programs as Debian, npm and Go's modules have them, on an empty base. Java is what jlink takes of Debian's for the
# modules that the client needs; some builds of Node read parts of their own from /usr/share/nodejs.
JDK = $(firstword $(wildcard /usr/lib/jvm/java-17-openjdk-*))
PYTHON = $(shell readlink -f /usr/bin/python3)
PYLIB = /usr/lib/python3/dist-packages
PODS = test/pods
.PHONY: client-images
client-images: $(BIN) $(PODS)/node/node_modules/.package-lock.json
	@for x in "$(JDK)/bin/jlink openjdk-17-jdk-headless" "/usr/bin/python3 python3" "$(PYLIB)/requests python3-requests" "/usr/bin/curl curl" \
	  "$(PGDIR)/bin/psql postgresql" "/etc/ssl/certs/ca-certificates.crt ca-certificates"; do \
	  set -- $$x; test -e "$$1" || { echo "the end-to-end tests need $$1: apt-get install $$2" >&2; exit 1; }; done
	CGO_ENABLED=0 go build -trimpath -o $(BIN)/pods/vendor ./test/pods/vendor
	CGO_ENABLED=0 go -C $(PODS)/client build -trimpath -o $(BIN)/pods/client .
	rm -rf $(BIN)/pods/java && mkdir -p $(BIN)/pods/java
	$(JDK)/bin/javac -d $(BIN)/pods/java/classes $(PODS)/java/Client.java
	$(JDK)/bin/jlink --add-modules java.net.http,jdk.crypto.ec --strip-debug --no-header-files --no-man-pages --output $(BIN)/pods/java/runtime
	cat $(BIN)/pods/vendor $(BIN)/pods/client $(BIN)/pods/java/classes/* $(PODS)/node/*.js* $(PODS)/debian/* Makefile "$$(readlink -f $$(command -v node))" $(PYTHON) | sha256sum | cut -c1-12 > $(BIN)/pods/clients
	$(CLUSTERCTL) image --name optup/vendor:$$(cat $(BIN)/pods/clients) --entrypoint /vendor $(BIN)/pods/vendor
	$(CLUSTERCTL) image --name optup/client-go:$$(cat $(BIN)/pods/clients) --entrypoint /client $(BIN)/pods/client
	$(CLUSTERCTL) image --name optup/client-java:$$(cat $(BIN)/pods/clients) --entrypoint /usr/lib/java/bin/java --arg -cp --arg /app --arg Client --libraries $(BIN)/pods/java/runtime/bin/java \
	  $(foreach d,conf lib release,$(BIN)/pods/java/runtime/$(d)=/usr/lib/java/$(d)) $(BIN)/pods/java/classes=/app
	$(CLUSTERCTL) image --name optup/client-node:$$(cat $(BIN)/pods/clients) --entrypoint /usr/bin/node --arg /app/client.js --libraries "$$(readlink -f $$(command -v node))" \
	  $(foreach d,$(wildcard /usr/share/nodejs/acorn /usr/share/nodejs/acorn-walk /usr/share/nodejs/cjs-module-lexer /usr/share/nodejs/undici),$(d)=$(d)) \
	  $(PODS)/node/client.js=/app/client.js $(PODS)/node/mailer.js=/app/mailer.js $(PODS)/node/node_modules=/app/node_modules
	$(CLUSTERCTL) image --name optup/client-debian:$$(cat $(BIN)/pods/clients) --entrypoint /bin/sh --libraries $$(readlink -f /bin/sh) $(PYTHON)=/usr/bin/python3 \
	  /usr/lib/$(notdir $(PYTHON))=/usr/lib/$(notdir $(PYTHON)) $(foreach d,requests urllib3 certifi chardet charset_normalizer idna six.py,$(PYLIB)/$(d)=$(PYLIB)/$(d)) /usr/bin/curl=/usr/bin/curl \
	  $(PGDIR)/bin/psql=/usr/bin/psql /etc/ssl/certs/ca-certificates.crt=/etc/ssl/certs/ca-certificates.crt $(PODS)/debian/client.py=/app/client.py $(PODS)/debian/client.sh=/app/client.sh $(PODS)/debian/attempts.py=/app/attempts.py $$(PATH=$$PATH:/usr/sbin command -v nft)=/usr/sbin/nft

$(PODS)/node/node_modules/.package-lock.json: $(PODS)/node/package-lock.json
	@command -v npm > /dev/null || { echo "the end-to-end tests need npm: apt-get install npm" >&2; exit 1; }
	@cd $(PODS)/node && npm ci --ignore-scripts --no-audit --no-fund > /dev/null
	@touch $@

.PHONY: cli
cli: $(BIN) ## Build the command line, optup.
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/optup ./cmd/optup

.PHONY: install
install: cluster-up images $(BIN)/helm ## Install OptUp from this tree into the cluster.
	t=$$(cat $(BIN)/tag); $(BIN)/helm upgrade --install optup charts/optup --namespace optup-system --create-namespace --wait --timeout 3m \
	  --set images.registry=$(PREFIX) --set images.manager.tag=$$t --set images.sidecar.tag=$$t --set images.ledger.tag=$$t

# What stands before an image's name: kind has images loaded by their bare names, other clusters pull them.
PREFIX = $(if $(filter kind,$(CLUSTER)),,$(or $(OPTUP_REGISTRY),127.0.0.1:5001)/)

##@ Develop

.PHONY: generate
generate: $(BIN)/controller-gen $(BIN)/protogen $(BIN)/helm ## Write generated code, CRDs and roles, the reference, the chart's copies and config/default.
	$(BIN)/controller-gen object:headerFile=hack/boilerplate.go.txt paths=./api/...
	$(BIN)/controller-gen crd paths=./api/... output:crd:dir=config/crd/bases
	go run ./hack/reference config/crd/bases docs/reference
	$(BIN)/controller-gen rbac:roleName=optup-manager paths='{./controllers/...,./internal/manager/...}' output:rbac:dir=config/rbac
	$(BIN)/protogen -go $(BIN)/protoc-gen-go -connect $(BIN)/protoc-gen-connect-go internal
	mkdir -p charts/optup/crds charts/optup/files
	cp config/crd/bases/*.yaml charts/optup/crds/
	cp config/rbac/role.yaml charts/optup/files/role.yaml
	{ echo '# Rendered from charts/optup by make generate, for kustomize.'; $(BIN)/helm template optup charts/optup --namespace optup-system; } > config/default/optup.yaml
	UPDATE_GOLDEN=1 go test -count=1 -run '^TestReference$$' ./cmd/optup

.PHONY: golden
golden: ## Rewrite golden files; review the change like any other.
	UPDATE_GOLDEN=1 go test ./internal/... ./api/... ./cmd/...

.PHONY: fmt
fmt: $(BIN)/gofumpt $(BIN)/gci ## Format.
	$(BIN)/gofumpt -w $(GODIRS)
	$(BIN)/gci write --skip-generated -s standard -s default -s 'prefix(github.com/optup/optup)' $(GODIRS) > /dev/null

GODIRS = main.go api controllers cmd internal test hack/reference $(wildcard hack/cluster/*.go) hack/dashboard hack/cluster/pause hack/cluster/probe

.PHONY: lint
lint: $(BIN)/golangci-lint ## Lint, the API types included.
	$(BIN)/golangci-lint run ./...

.PHONY: verify
verify: ## Generate, format, lint and check imports; fails where that changes the tree.
	./hack/verify.sh

.PHONY: clean
clean: ## Remove what make built, the cluster's programs included.
	rm -rf bin dist

##@ Cluster

.PHONY: cluster-up
cluster-up: ## Start the cluster; the first start builds Kubernetes (about 10 to 30 minutes on 2 cores).
	$(CLUSTERCTL) up

.PHONY: cluster-down
cluster-down: ## Stop the cluster and leave nothing behind.
	$(CLUSTERCTL) down

.PHONY: cluster-status
cluster-status: ## Show what runs.
	$(CLUSTERCTL) status

.PHONY: assets
assets: ## Build etcd, kube-apiserver and kubectl for the suites that need an API server.
	@go -C hack/cluster run . assets > /dev/null

AXE := internal/testkit/browser/axe
.PHONY: axe
axe: $(AXE)/node_modules/.package-lock.json ## Fetch the accessibility checks that tests run in Chromium (npm, from a lock file).

$(AXE)/node_modules/.package-lock.json: $(AXE)/package-lock.json
	@command -v npm > /dev/null || { echo "the accessibility checks need npm: apt-get install npm" >&2; exit 1; }
	@cd $(AXE) && npm ci --ignore-scripts --no-audit --no-fund > /dev/null
	@touch $@

.PHONY: mailpit
mailpit: $(BIN)/mailpit ## Build the mail server that tests send to.

##@ Tools (each from a module of its own)

$(BIN):
	mkdir -p $(BIN)

$(BIN)/controller-gen: hack/tools/controller-gen/go.sum | $(BIN)
	go -C hack/tools/controller-gen build -o $@ sigs.k8s.io/controller-tools/cmd/controller-gen
$(BIN)/gofumpt: hack/tools/format/go.sum | $(BIN)
	go -C hack/tools/format build -o $@ mvdan.cc/gofumpt
$(BIN)/gci: hack/tools/format/go.sum | $(BIN)
	go -C hack/tools/format build -o $@ github.com/daixiang0/gci
$(BIN)/golangci-lint: hack/tools/golangci-lint/go.sum hack/tools/golangci-lint/main.go | $(BIN)
	go -C hack/tools/golangci-lint build -o $@ .
$(BIN)/mailpit: hack/tools/mailpit/go.sum | $(BIN)
	go -C hack/tools/mailpit build -trimpath -ldflags '-s -w' -o $@ github.com/axllent/mailpit
$(BIN)/helm: hack/tools/helm/go.sum | $(BIN)
	go -C hack/tools/helm build -trimpath -ldflags '-s -w' -o $@ helm.sh/helm/v4/cmd/helm
$(BIN)/protogen: hack/tools/protogen/go.sum hack/tools/protogen/main.go | $(BIN)
	go -C hack/tools/protogen build -o $(BIN)/protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go
	go -C hack/tools/protogen build -o $(BIN)/protoc-gen-connect-go connectrpc.com/connect/cmd/protoc-gen-connect-go
	go -C hack/tools/protogen build -o $@ .
