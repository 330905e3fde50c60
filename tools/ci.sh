#!/usr/bin/env bash
# What `make ci` does: install what is missing, run every step, time it, and end
# with a summary. Later steps run although an earlier one failed, so that one
# run shows everything; the exit code is 1 if any failed.
set -euo pipefail
cd "$(dirname "$0")/.."

names=() times=() results=()

# step NAME COMMAND...: runs it and notes how long it took and how it ended.
step() {
  local name=$1 begin=$SECONDS result=ok
  shift
  printf '\n=== %s\n' "$name"
  "$@" || result=FAILED
  names+=("$name") times+=($((SECONDS - begin))) results+=("$result")
  printf '=== %s: %s in %d s\n' "$name" "$result" "${times[-1]}"
}

# need COMMAND PACKAGE...: installs Debian packages if the command is missing.
need() {
  local command=$1 sudo=
  shift
  command -v "$command" >/dev/null && return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "$command is missing: install $*" >&2; return 1; }
    sudo=sudo
  fi
  command -v apt-get >/dev/null || { echo "$command is missing, and there is no apt-get: install $*" >&2; return 1; }
  $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# prepare: Go comes with the machine; git compares generated code; the race detector needs a C compiler.
prepare() {
  command -v go >/dev/null || { echo 'Go is missing: https://go.dev/dl (the version is in go.mod)' >&2; return 1; }
  need git git ca-certificates && need gcc gcc libc6-dev && go version && go mod download
}

# browser: the pages' tests need Chromium and Node 20. Debian 12 has 18: the npm registry has the newer one.
browser() {
  need node nodejs npm && need npm npm && need chromium chromium || return 1
  if [ "$(node -p 'parseInt(process.versions.node)')" -lt 20 ]; then
    npm install --no-save --no-audit --no-fund --prefix bin/node node@22 || return 1
    local PATH="$PWD/bin/node/node_modules/node/bin:$PATH"
  fi
  make browser
}

step prepare prepare
step check-gen make check-gen
step fmt make fmt-check
step lint make lint
step build make build
step test make test
step race make race
step browser browser

printf '\n%-10s %8s  %s\n' step seconds result
failed=0
for i in "${!names[@]}"; do
  printf '%-10s %8d  %s\n' "${names[i]}" "${times[i]}" "${results[i]}"
  [ "${results[i]}" = ok ] || failed=1
done
if [ "$failed" -ne 0 ]; then
  printf 'ci FAILED after %d s\n' "$SECONDS"
  exit 1
fi
printf 'ci passed in %d s\n' "$SECONDS"
