#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: a C compiler (race detector), Node.js with npm, the
# PostgreSQL server, and the JavaScript packages the tests compare themselves with. Debian; as root or with sudo. Says what it does.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v gcc >/dev/null || missing+=(gcc libc6-dev)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "deps: ${missing[*]} are missing: install them, or run this as root" >&2; exit 1; }
    as_root=(sudo)
  fi
  command -v apt-get >/dev/null || { echo "deps: ${missing[*]} are missing, and there is no apt-get: install them by hand" >&2; exit 1; }
  echo "deps: installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

for dir in scim/difftest target/genesyssim/sdktest; do
  # A stamp of the lock file, so that a second call costs nothing.
  stamp=$dir/node_modules/.lock-stamp
  if ! cmp -s "$dir/package-lock.json" "$stamp"; then
    echo "deps: npm ci in $dir"
    (cd "$dir" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
    cp "$dir/package-lock.json" "$stamp"
  fi
done
