#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Builds the fuzz target of the safetensors reader with clang (AddressSanitizer, UndefinedBehaviorSanitizer) in build/fuzz
# and runs it for so many seconds (default 600). What it learns stays in build/fuzz/corpus; an input that breaks the reader
# is written to build/fuzz/finding-* and ends the run with a status that is not 0.
set -euo pipefail

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  echo "usage: scripts/fuzz.sh [SECONDS] [LIBFUZZER OPTIONS]    needs clang with libFuzzer (Debian: clang libclang-rt-dev); CXX chooses it"
  exit 0
fi
seconds=${1:-600}
[[ $seconds =~ ^[0-9]+$ ]] || { echo "fuzz.sh: expected a number of seconds, got \"$seconds\" (try --help)" >&2; exit 1; }
compiler=${CXX:-clang++}
command -v "$compiler" >/dev/null || { echo "fuzz.sh: no $compiler here (Debian: apt-get install clang libclang-rt-dev)" >&2; exit 1; }

cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=build/fuzz
cmake -S . -B "$folder" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Release -DFASTWEIGHT_FUZZ=ON -DFASTWEIGHT_CUDA=OFF -DFASTWEIGHT_TESTS=OFF -DFASTWEIGHT_INSTALL=OFF >"$folder.log" 2>&1 ||
  { cat "$folder.log" >&2; exit 1; }
cmake --build "$folder" --parallel "${FASTWEIGHT_JOBS:-2}" --target safetensors_fuzz safetensors_seeds
mkdir -p "$folder/corpus" "$folder/seeds"
"$folder/tests/fuzz/safetensors_seeds" "$folder/seeds"
exec nice "$folder/tests/fuzz/safetensors_fuzz" "$folder/corpus" "$folder/seeds" -dict=tests/fuzz/safetensors.dict \
  -artifact_prefix="$folder/finding-" -max_total_time="$seconds" -max_len=4096 -rss_limit_mb=1024 -malloc_limit_mb=256 \
  -timeout=10 -print_final_stats=1 "${@:2}"
