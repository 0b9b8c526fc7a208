#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Builds a fuzz target with clang (AddressSanitizer, UndefinedBehaviorSanitizer) in build/fuzz and runs it for so many seconds
# (default 600): "safetensors" reads files, "view" reads the visualizer's sessions, scripts, lessons and commands on a checkpoint. What it learns stays in
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
  printf 'stop recall Ana 0.5\nstop apart 2\nset rows norm\nset facts impact\nzoom key 1 4\nzoom time 2 5\nlock Ana\nloop 1 2\nhistory 0\n' >"$folder/seeds-view/looks"
  printf 'Mgo 2\nprompt 1 0 1\ndecode 3\nhead 1\nset b kda\nrerun on\nexample 2\ntemperature 0.7\ntop-k 2\nlayer 0\nundo\n' >"$folder/seeds-view/model"
  printf '%s\n' '{"fastweight_session":1,"settings":{"seed":7,"dk":4,"dv":3,"policy":"banded","alpha":0.9,"alpha_fast":0.5},"commands":[],"a":{"morph":false,"variant":"gdn2","tie":0,"scalar":0,"one":0,"no_erase":0,"beta_from":"both","alpha_from":"geometric"},"b":{"morph":false,"variant":"kda","tie":0,"scalar":0,"one":0,"no_erase":0,"beta_from":"b","alpha_from":"arithmetic"},"compare":true,"model":{"path":"notebooks_data/checkpoints/parity_gdn2_neg","fingerprint":"","example":1,"task":"","settings":"","temperature":0.5,"top_k":2,"seed":3,"drawn":4,"layer":-1,"head":0,"rerun":true,"prompt":"0 1 1"},"view":{"t":1,"phase":"erase","map":"S","root_scale":false,"run_range":true,"theme":"dark","rows":"norm","rows_at":2,"facts":"cosine","zoom":{"key":{"first":1,"count":2}},"front":["impact"],"locked":{"row":1,"fact":"k1"},"playing":{"speed":9,"loop":true,"first":1,"last":3},"stop":{"recall_below":0.5,"fact":"k1","erase_above":0.25}}}' >"$folder/seeds-view/model-session"
  printf '%s\n' '{"fastweight_lesson":1,"name":"s","title":"S","goal":"G.","panels":["retention","spectrum","gauges"],"cards":[{"text":"A {n} [[memory|S]].","setup":["set size 4 4","Ana=red"],"numbers":{"n":{"is":"A.cos(Ana)","expect":1,"tolerance":0.1}}},{"text":"B.","ask":{"question":"Q?","choices":["a","b"],"answer":1,"script":[{"repeat":2,"lines":["Ana=gold"]}],"text":"T {m}.","numbers":{"m":{"is":"B.norm(Ana)","expect":1,"tolerance":9}}}},{"text":"C.","focus":["memory"],"script":["del Ana"]},{"text":"D.","task":{"text":"Do.","checks":[{"that":"A.norm(Ana) > 0.5","says":"loud"}],"solution":["Ana=teal"]}}]}' >"$folder/seeds-view/lesson"
  exec nice "$folder/tests/fuzz/view_fuzz" "$folder/corpus-view" "$folder/seeds-view" -dict=tests/fuzz/view.dict -max_len=2048 "${options[@]}" "${@:2}"
fi
cmake --build "$folder" --parallel "${FASTWEIGHT_JOBS:-2}" --target safetensors_fuzz safetensors_seeds
mkdir -p "$folder/corpus" "$folder/seeds"
"$folder/tests/fuzz/safetensors_seeds" "$folder/seeds"
exec nice "$folder/tests/fuzz/safetensors_fuzz" "$folder/corpus" "$folder/seeds" -dict=tests/fuzz/safetensors.dict -max_len=4096 "${options[@]}" "${@:2}"
