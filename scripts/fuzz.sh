#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Builds a fuzz target with clang (AddressSanitizer, UndefinedBehaviorSanitizer) in build/fuzz and runs it for so many seconds
# (default 600): "safetensors" reads files, "view" reads the visualizer's sessions and scripts. What it learns stays in
# build/fuzz/corpus*; an input that breaks something is written to build/fuzz/finding-* and ends the run with a status not 0.
set -euo pipefail

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  echo "usage: scripts/fuzz.sh [safetensors|view] [SECONDS] [LIBFUZZER OPTIONS]    needs clang with libFuzzer (Debian: clang libclang-rt-dev); CXX chooses it"
  exit 0
fi
target=safetensors
if [[ ${1:-} == safetensors || ${1:-} == view ]]; then target=$1; shift; fi
seconds=${1:-600}
[[ $seconds =~ ^[0-9]+$ ]] || { echo "fuzz.sh: expected a number of seconds, got \"$seconds\" (try --help)" >&2; exit 1; }
compiler=${CXX:-clang++}
command -v "$compiler" >/dev/null || { echo "fuzz.sh: no $compiler here (Debian: apt-get install clang libclang-rt-dev)" >&2; exit 1; }

cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=build/fuzz
cmake -S . -B "$folder" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Release -DFASTWEIGHT_FUZZ=ON -DFASTWEIGHT_CUDA=OFF -DFASTWEIGHT_TESTS=OFF -DFASTWEIGHT_INSTALL=OFF >"$folder.log" 2>&1 ||
  { cat "$folder.log" >&2; exit 1; }
options=(-artifact_prefix="$folder/finding-" -max_total_time="$seconds" -rss_limit_mb=1024 -malloc_limit_mb=256 -timeout=10 -print_final_stats=1)
if [[ $target == view ]]; then
  cmake --build "$folder" --parallel "${FASTWEIGHT_JOBS:-2}" --target view_fuzz
  mkdir -p "$folder/corpus-view" "$folder/seeds-view"
  printf 'Ana=red\nAna+=city:Rome\ngate b[0:2]=0.5\ndel Ana\nAna?\n... 3\nS[1,2]=0.5\nset b gdn\ngo 2\nfork\nBo=blue\nundo\n' >"$folder/seeds-view/script"
  printf '%s\n' '{"fastweight_session":1,"settings":{"seed":7,"dk":4,"dv":3,"policy":"banded","alpha":0.9,"alpha_fast":0.5},"commands":["Ana=red","Ana?"],"a":{"morph":false,"variant":"gdn2","tie":0,"scalar":0,"one":0,"no_erase":0,"beta_from":"both","alpha_from":"geometric"},"b":{"morph":true,"variant":"kda","tie":0.5,"scalar":0,"one":0,"no_erase":0,"beta_from":"b","alpha_from":"arithmetic"},"compare":true,"branch":{"at":1,"commands":["Ana=red","del Ana"]},"view":{"t":1,"phase":"erase","map":"S","root_scale":false,"run_range":true,"theme":"dark"}}' >"$folder/seeds-view/session"
  exec nice "$folder/tests/fuzz/view_fuzz" "$folder/corpus-view" "$folder/seeds-view" -dict=tests/fuzz/view.dict -max_len=2048 "${options[@]}" "${@:2}"
fi
cmake --build "$folder" --parallel "${FASTWEIGHT_JOBS:-2}" --target safetensors_fuzz safetensors_seeds
mkdir -p "$folder/corpus" "$folder/seeds"
"$folder/tests/fuzz/safetensors_seeds" "$folder/seeds"
exec nice "$folder/tests/fuzz/safetensors_fuzz" "$folder/corpus" "$folder/seeds" -dict=tests/fuzz/safetensors.dict -max_len=4096 "${options[@]}" "${@:2}"
