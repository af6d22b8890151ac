#!/usr/bin/env bash
# Generates, formats and lints, and fails if any of it changed a file: what is committed has to be what the tools make.
set -euo pipefail
cd "$(dirname "$0")/.."

before=$(mktemp) after=$(mktemp)
trap 'rm -f "$before" "$after"' EXIT
# Untracked files count too, ignored ones do not. Content is compared, so that a tree with work in it can be verified as well.
fingerprint() { git ls-files -co --exclude-standard -z | sort -z | xargs -0 sha256sum 2>/dev/null; }

step() { printf '==> %s\n' "$*"; }
fingerprint > "$before"
step generate; make generate > /dev/null
step format; make fmt
step "module files"; go mod tidy
fingerprint > "$after"
if ! diff -u "$before" "$after" > /dev/null; then
  echo "verify: the tools changed these files; look at them and commit them:" >&2
  diff "$before" "$after" | grep '^>' | awk '{print "  " $3}' >&2 || true
  exit 1
fi
step vet; go vet ./... && go -C hack/cluster vet ./... && go -C test/bench vet ./...
step lint; make lint
step "imports and sources"; go test -count=1 ./internal/archtest
step "chart"; bin/helm template optup charts/optup --namespace optup-system > /dev/null
if [ -n "${CI:-}" ] && [ -n "$(git status --porcelain)" ]; then
  echo "verify: the tree has changes:" >&2; git status --short >&2; exit 1
fi
echo "verify: ok"
