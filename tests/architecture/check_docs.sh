#!/usr/bin/env bash
# scripts/check_docs finds a path that is not there, however it is written, and nothing else.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy"/{docs,launch,configs}
touch "$copy"/launch/world.{h,cpp} "$copy"/configs/first.yaml "$copy"/docs/other.md
status=0

judge() { # judge EXPECTED TEXT: EXPECTED is "fine" or what the message must hold
  local message
  printf '%s\n' "$2" >"$copy/README.md"
  printf 'Nothing named here.\n' >"$copy/docs/page.md"
  if message=$("$root/scripts/check_docs" "$copy" 2>&1); then message=fine; fi
  if [[ $message != *"$1"* ]]; then
    echo "for: $2: expected '$1', got '$message'"
    status=1
  fi
}

judge fine 'See `launch/world.h`, `launch/`, `launch/world.{h,cpp}` and `launch/world`.'
judge fine 'Any word: `runs/demo`, `tests/<folder>/<name>_test.cpp`, launch/not_in_backticks.h'
judge fine 'Run `nextframe train configs/first.yaml`; see [the other](docs/other.md#part) and [web](https://a.b/c).'
judge 'README.md:1: launch/gone.h does not exist' 'See `launch/gone.h`.'
judge 'configs/gone.yaml does not exist' 'Run `nextframe train configs/gone.yaml --set a=b`.'
judge 'README.md:2: scripts/gone does not exist' '```
scripts/gone --now
```'
judge './docs/gone.md does not exist' 'See [it](docs/gone.md).'
exit "$status"
