#!/usr/bin/env bash
# The addon under AddressSanitizer and UndefinedBehaviorSanitizer: hostile arguments, and everything it owns made and let go.
# Fails on any error, and on memory that is lost in our code. Prints "skipped: why" where there is no compiler with them.
set -eu
cd "$(dirname "$0")/../.."
skip() { echo "skipped: the addon under AddressSanitizer: $1"; exit 0; }

[ "$(uname -s)" = Linux ] || skip 'only on Linux'
CC=${CC:-cc}
command -v "$CC" >/dev/null || skip 'there is no C compiler'
ASAN=$("$CC" -print-file-name=libasan.so)
UBSAN=$("$CC" -print-file-name=libubsan.so)
[ -e "$ASAN" ] && [ -e "$UBSAN" ] || skip "$CC comes without its runtime library"
# Into a folder of its own: the build that is in use stays.
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
node runtime/native/build.js --sanitize "$WORK" >"$WORK/build.log" 2>&1 || { cat "$WORK/build.log"; skip 'it was not built'; }
ADDON=$WORK/framewright.node

# run OPTIONS ARGUMENTS...: fails at the first error. That Node itself leaks is none.
run() {
  local options=$1 code=0
  shift
  echo "== $1"
  LD_PRELOAD="$ASAN:$UBSAN" ASAN_OPTIONS="exitcode=86:$options" UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    timeout 300 node --expose-gc --import tsx "$@" >"$WORK/out" 2>"$WORK/err" || code=$?
  cat "$WORK/out"
  if [ "$code" = 86 ] && grep -q 'ERROR: LeakSanitizer' "$WORK/err" && ! grep -q 'ERROR: AddressSanitizer\|runtime error:' "$WORK/err"; then
    code=0
  fi
  if [ "$code" != 0 ] || [ ! -s "$WORK/out" ]; then
    echo "failed with $code"
    head -60 "$WORK/err"
    exit 1
  fi
}

for seed in 1 2 3; do run detect_leaks=0 test/native/hostile.ts "$ADDON" "$seed" "${COUNT:-60000}"; done
# The slow unwinder finds its way through Node, which has no frame pointers. Node leaves much behind on purpose when it ends;
# a leak of ours has one of our files among its frames.
run detect_leaks=1:fast_unwind_on_malloc=0:malloc_context_size=20 test/native/life.ts "$ADDON" "${ROUNDS:-3}"
if awk 'BEGIN { RS = "" } /leak of/ && /src\/[a-z0-9]+\.c:[0-9]+/ { print; found = 1 } END { exit !found }' "$WORK/err"; then
  echo 'it leaks memory'
  exit 1
fi
echo 'no error, no leak'
