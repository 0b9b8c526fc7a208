#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Measures the fast CPU path and writes docs/benchmarks/cpu.md. Every command of the page checks before it times. A second
# build with -march=native gives the naive loop all this CPU has, for the fairest comparison. About ten minutes; leave the
# machine alone meanwhile.
#   scripts/bench_cpu.sh [FOLDER]     FOLDER: where the JSON of every run goes (default build/bench_cpu)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '5,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi
fw_set_up
fw_build
cd "$fw_root"
runs=${1:-build/bench_cpu}
mkdir -p "$runs"
shipped=build/cpu/cli/fastweight
cmake -S . -B build/native -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS=-march=native -DFASTWEIGHT_TESTS=OFF -DFASTWEIGHT_CUDA=OFF >/dev/null
cmake --build build/native --target fastweight --parallel "$(fw_jobs)" >/dev/null
native=build/native/cli/fastweight

# run NAME PROGRAM ARGUMENTS...: one JSON file, and the command beside it
run() {
  fw_say "$1"
  "$2" bench "${@:3}" --json >"$runs/$1.json"
  if [[ $2 == "$native" ]]; then printf 'build with -march=native: '; fi >"$runs/$1.txt"
  printf 'fastweight bench %s\n' "${*:3}" >>"$runs/$1.txt"
}

rm -f "$runs"/*.json "$runs"/*.txt
for variant in linear mamba2 gla delta gdn kda gdn2-write gdn2-erase gdn2; do
  run "forward_$variant" $shipped --variant "$variant" --compare naive
done
for variant in kda gdn2; do
  run "native_$variant" $native --variant "$variant" --compare naive
  run "training_$variant" $shipped --variant "$variant" --pass forward,training --threads 1,2 --compare naive --seconds 4
done
run "long_gdn2" $shipped --shape B1-T8192-H1-Dk128-Dv128 --pass forward,training --threads 1,2
run "decode_gdn2" $shipped --pass decode --threads 1,2 --compare naive
for isa in baseline avx2 avx512; do
  if ! $shipped bench --isa "$isa" --check-only >/dev/null 2>&1; then continue; fi
  run "isa_$isa" $shipped --isa "$isa" --pass forward,training
done
run "rungs" $shipped --rung 1,2,3,4,5,6 --threads "$(nproc)" --compare naive
for variant in linear mamba2 gla delta gdn kda gdn2-write gdn2-erase gdn2; do
  run "errors_$variant" $shipped --check-only --family all --pass training,decode --variant "$variant"
done
python3 scripts/cpu_page.py "$runs" "$(git rev-parse --short HEAD)$(git diff --quiet || echo ' with changes')" >docs/benchmarks/cpu.md
fw_say "wrote docs/benchmarks/cpu.md"
