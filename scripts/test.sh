#!/usr/bin/env bash
# Runs every test with the race detector, in random order. A skipped test counts as a failure.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
CGO_ENABLED=1 go test -race -shuffle=on -timeout 30m -v "${@:-./...}" >build/test.log 2>&1
status=$?
if [ $# -eq 0 ]; then # with the race detector processes die at every eighth step, here at every one
  go test -timeout 30m -v -run '^TestKilledAtEveryStep$' ./cmd/rollcall >>build/test.log 2>&1 || status=1
fi
grep -E '^(ok|FAIL|panic:|---|\s+---)' build/test.log | grep -vE -- '--- PASS' || true
if [ $status -ne 0 ]; then
  echo "test: the failures, from build/test.log:"
  grep -vE '^\s*(=== |--- PASS)' build/test.log | grep -vE '^(ok|PASS|\?)' | tail -n 200
fi
skipped=$(grep -cE -- '--- SKIP' build/test.log)
passed=$(grep -cE -- '--- PASS' build/test.log)
failed=$(grep -cE -- '--- FAIL' build/test.log)
echo "$passed passed, $failed failed, $skipped skipped"
[ "$skipped" -eq 0 ] || { echo "test: a skipped test is a failed one"; exit 1; }
exit $status
