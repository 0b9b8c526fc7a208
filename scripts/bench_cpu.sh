#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Measures the fast CPU path and writes a page of docs/benchmarks. Every command of the page checks before it times. A second
# build with -march=x86-64-v4 or -v3, as the CPU allows, gives the naive loop its vectors, for the fairest comparison. Some
# five minutes; leave the machine alone meanwhile.
#   scripts/bench_cpu.sh [PAGE [FOLDER]]    PAGE: docs/benchmarks/cpu.md    FOLDER: the JSON of every run, build/bench_cpu
#   FASTWEIGHT_SHIPPED, FASTWEIGHT_NATIVE   the two programs, when they are built already
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '5,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi
cd "$fw_root"
page=${1:-docs/benchmarks/cpu.md}
runs=${2:-build/bench_cpu}
level=x86-64-v3
if grep -q avx512vl /proc/cpuinfo; then level=x86-64-v4; fi
shipped=${FASTWEIGHT_SHIPPED:-build/cpu/cli/fastweight}
native=${FASTWEIGHT_NATIVE:-build/native/cli/fastweight}
if [[ -z ${FASTWEIGHT_SHIPPED:-} ]]; then
  fw_set_up
  fw_build
fi
if [[ -z ${FASTWEIGHT_NATIVE:-} ]]; then
  cmake -S . -B build/native -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS=-march=$level -DFASTWEIGHT_TESTS=OFF -DFASTWEIGHT_CUDA=OFF >/dev/null
  cmake --build build/native --target fastweight --parallel "$(fw_jobs)" >/dev/null
fi
mkdir -p "$runs"
cores=$(nproc)
threads=1,2
if ((cores > 2)); then threads=1,2,$cores; fi

# run NAME PROGRAM ARGUMENTS...: one JSON file, and the command beside it
run() {
  fw_say "$1"
  "$2" bench "${@:3}" --json >"$runs/$1.json"
  if [[ $2 == "$native" ]]; then printf 'build with -march=%s: ' "$level"; fi >"$runs/$1.txt"
  printf 'fastweight bench %s\n' "${*:3}" >>"$runs/$1.txt"
}

rm -f "$runs"/*.json "$runs"/*.txt
for variant in linear mamba2 gla delta gdn kda gdn2-write gdn2-erase gdn2; do
  run "forward_$variant" $shipped --variant "$variant" --compare naive
done
for variant in kda gdn2; do
  run "native_$variant" $native --variant "$variant" --compare naive
  run "training_$variant" $shipped --variant "$variant" --pass forward,training --threads $threads --compare naive --seconds 4
done
run "long_gdn2" $shipped --shape B1-T8192-H1-Dk128-Dv128 --pass forward,training --threads $threads
run "decode_gdn2" $shipped --pass decode --threads $threads --compare naive
for isa in baseline avx2 avx512; do
  if ! $shipped bench --isa "$isa" --check-only >/dev/null 2>&1; then continue; fi
  run "isa_$isa" $shipped --isa "$isa" --pass forward,training
done
run "rungs" $shipped --rung 1,2,3,4,5,6 --threads "$cores" --compare naive
for variant in linear mamba2 gla delta gdn kda gdn2-write gdn2-erase gdn2; do
  run "errors_$variant" $shipped --check-only --family all --pass training,decode --variant "$variant"
done
commit=$(git rev-parse --short HEAD 2>/dev/null || echo "${FASTWEIGHT_COMMIT:-unknown}")
python3 scripts/cpu_page.py "$runs" "$commit" >"$page"
fw_say "wrote $page"
