#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Builds, checks, then times the CUDA path on the GPU at hand, and writes a page of docs/benchmarks. No page where a check fails, but for
# f16, of which no time is shown: what verify finds wrong there is named in the page.
#   scripts/bench_h200.sh [PAGE [FOLDER]]   PAGE: docs/benchmarks/h200.md   FOLDER: JSON and logs of every run, build/bench_h200
#   FASTWEIGHT_COMMIT    of the sources, where there is no git
#   FASTWEIGHT_HEADERS   folder of scripts/carry_headers.sh, where the packages are not installed (.headers if it is there)
#   FASTWEIGHT_SANITIZE  1: compute-sanitizer too, a reduced set of the tests (some minutes)
set -euo pipefail

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '5,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
page=${1:-docs/benchmarks/h200.md}
runs=${2:-build/bench_h200}
headers=${FASTWEIGHT_HEADERS:-}
if [[ -z $headers && -d .headers ]]; then headers=.headers; fi
mkdir -p "$runs"
rm -f "$runs"/*.json "$runs"/*.txt
say() { printf '== %s\n' "$*"; }

say build
export PATH=$PATH:/usr/local/cuda/bin
{
  cmake -S . -B build/h200 -G Ninja -DCMAKE_BUILD_TYPE=Release -DFASTWEIGHT_CUDA=ON -DFASTWEIGHT_CUDA_ARCHITECTURES=90a-real -DFASTWEIGHT_INSTALL=OFF ${headers:+-DFASTWEIGHT_HEADERS="$headers"}
  cmake --build build/h200 --target test_cuda fastweight
} >"$runs/build.txt" 2>&1 || { tail -30 "$runs/build.txt"; exit 1; }
program=build/h200/cli/fastweight
tests=build/h200/tests/cuda/test_cuda

say tests
failed=0
"$tests" >"$runs/tests.txt" 2>&1 || failed=1
tail -3 "$runs/tests.txt"
"$program" verify --backend cuda >"$runs/verify.txt" || failed=1
"$program" verify --backend cuda --dtype f16 >"$runs/verify_f16.txt" || true  # no f16 time is shown; the page names what is wrong
"$program" verify --backend cuda --dtype f32 --accurate >"$runs/verify_accurate.txt" || failed=1
for one in verify verify_f16 verify_accurate; do printf '%s: %s\n' "$one" "$(tail -1 "$runs/$one.txt")"; done
if [[ ${FASTWEIGHT_SANITIZE:-0} == 1 ]]; then
  for tool in memcheck racecheck initcheck synccheck; do
    say "$tool"
    for rule in gdn2 gla; do
      for kind in "--dtype bf16" "--dtype f32 --accurate"; do
        # shellcheck disable=SC2086
        timeout 150 compute-sanitizer --tool $tool --error-exitcode 9 "$program" verify --backend cuda --variant $rule --family typical --shape B1-T70-H1-HV2-Dk128-Dv128 $kind --no-bank >"$runs/${tool}_${rule}_${kind##* }.txt" 2>&1 || failed=1
        tail -1 "$runs/${tool}_${rule}_${kind##* }.txt"
      done
    done
    # many heads: the wide tiles of the scan and its mirror; one long sequence in segments of time
    for shape in B1-T130-H72-Dk128-Dv128 B1-T2060-H1-Dk128-Dv128; do
      timeout 150 compute-sanitizer --tool $tool --error-exitcode 9 "$program" verify --backend cuda --variant gdn2 --family typical --shape $shape --dtype bf16 --no-bank >"$runs/${tool}_$shape.txt" 2>&1 || failed=1
      tail -1 "$runs/${tool}_$shape.txt"
    done
  done
fi

# run NAME ARGUMENTS...: one JSON file, and the command beside it
run() {
  printf 'fastweight bench --backend cuda %s\n' "${*:2}" >"$runs/$1.cmd.txt"
  "$program" bench --backend cuda "${@:2}" --json >"$runs/$1.json" || failed=1
}
say times
for variant in gdn2 kda gdn; do
  run "batch_$variant" --variant "$variant" --shape B8-T8192-H16-Dk128-Dv128 --pass forward,training
  run "one_$variant" --variant "$variant" --shape B1-T8192-H16-Dk128-Dv128 --pass forward,training
  run "long_$variant" --variant "$variant" --shape B1-T65536-H16-Dk128-Dv128 --pass forward,training
  run "decode_$variant" --variant "$variant" --shape B512-T1-H16-Dk128-Dv128 --pass decode
  run "decode1_$variant" --variant "$variant" --shape B1-T1-H16-Dk128-Dv128 --pass decode
done
for variant in linear mamba2 gla delta gdn2-write gdn2-erase; do
  run "batch_$variant" --variant "$variant" --shape B8-T8192-H16-Dk128-Dv128 --pass forward,training
done
run accurate_gdn2 --accurate --shape B8-T8192-H16-Dk128-Dv128 --pass forward,training --reps 3
run accurate_one --accurate --shape B1-T8192-H16-Dk128-Dv128 --pass forward,training --reps 3
run errors_bf16 --check-only --family all --pass forward,decode
run errors_f16 --check-only --family all --pass forward,decode --dtype f16
run errors_accurate --check-only --family all --pass forward,decode --accurate
commit=${FASTWEIGHT_COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || echo unknown)}
driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -1)
toolkit=$(nvcc --version | sed -n 's/.*release \([0-9.]*\).*/\1/p')
if ((failed)); then
  say "a check failed: no page (logs in $runs)"
  grep -l "ERROR:" "$runs"/tests.txt || true
  grep -L '"wrong": \[\]' "$runs"/*.json || true
  exit 1
fi
python3 scripts/h200_page.py "$runs" "$commit" "$driver" "$toolkit" >"$page"
say "wrote $page"
