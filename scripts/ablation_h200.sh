#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Trains variants x tasks x seeds on the GPU at hand and writes a page of docs/benchmarks with every point. The device training is checked against
# the model in double first; no page where that fails. Some four minutes of an H200.
#   scripts/ablation_h200.sh [PAGE [FOLDER]]   PAGE: docs/benchmarks/ablation_h200.md   FOLDER: runs, tables and plots, build/ablation_h200
#   FASTWEIGHT_PROGRAM, FASTWEIGHT_TESTS   fastweight and test_model_cuda, when they are built already
#   FASTWEIGHT_COMMIT    of the sources, where there is no git
#   FASTWEIGHT_HEADERS   folder of scripts/carry_headers.sh, where the packages are not installed (.headers if it is there)
#   FASTWEIGHT_SEEDS     trainings of each cell, default 5
# Finished trainings in FOLDER are not made again.
set -euo pipefail

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '5,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
page=${1:-docs/benchmarks/ablation_h200.md}
runs=${2:-build/ablation_h200}
seeds=${FASTWEIGHT_SEEDS:-5}
program=${FASTWEIGHT_PROGRAM:-build/h200/cli/fastweight}
tests=${FASTWEIGHT_TESTS:-build/h200/tests/model_cuda/test_model_cuda}
mkdir -p "$runs"
say() { printf '== %s\n' "$*"; }

if [[ -z ${FASTWEIGHT_PROGRAM:-} ]]; then
  say build
  headers=${FASTWEIGHT_HEADERS:-}
  if [[ -z $headers && -d .headers ]]; then headers=.headers; fi
  export PATH=$PATH:/usr/local/cuda/bin
  {
    cmake -S . -B build/h200 -G Ninja -DCMAKE_BUILD_TYPE=Release -DFASTWEIGHT_CUDA=ON -DFASTWEIGHT_CUDA_ARCHITECTURES=90a-real -DFASTWEIGHT_INSTALL=OFF ${headers:+-DFASTWEIGHT_HEADERS="$headers"}
    cmake --build build/h200 --target test_model_cuda fastweight
  } >"$runs/build.txt" 2>&1 || { tail -30 "$runs/build.txt"; exit 1; }
fi

say tests
"$tests" >"$runs/tests.txt" 2>&1 || { tail -30 "$runs/tests.txt"; say "the device training is wrong: no page"; exit 1; }
tail -3 "$runs/tests.txt"

all=gdn2:neg,gdn2,gdn2-write:neg,gdn2-write,gdn2-erase:neg,gdn2-erase,kda:neg,kda,gdn,delta:neg,delta,mamba2
four=gdn2:neg,gdn2,kda:neg,kda
# train NAME VARIANTS TASK OPTIONS...: the same options for all variants; state and number of parameters are matched
train() {
  local name=$1
  say "$name"
  printf 'fastweight ablate --backend cuda --match --seeds %s --variants %s --tasks %s\n' "$seeds" "$2" "${*:3}" >"$runs/$name.cmd.txt"
  "$program" ablate --backend cuda --match --seeds "$seeds" --variants "$2" --tasks "${@:3}" -o "$runs/$name" --threads "${FASTWEIGHT_THREADS:-0}" >"$runs/$name.txt"
}
train pour $all pour --init wide --steps 2000 --lr 5e-3
train pour_long $four pour --steps 6000 --lr 1e-2
train pour_narrow $four pour --init wide --heads 4 --key-width 8 --value-width 8 --steps 6000 --lr 5e-3
train pour_six $four pour:cups=6 --init wide --heads 4 --steps 6000 --lr 5e-3
train s3 $all s3:T=32 --steps 4000 --lr 5e-3
train edit $all edit --init wide --hidden 64 --mlp 128 --steps 2500 --lr 4e-3
train edit_long $all edit:live=8:writes=48 --init wide --hidden 64 --mlp 128 --steps 3000 --lr 4e-3
train parity $all parity --init wide --steps 1500 --lr 5e-3
train needles $all needles:T=128:needles=16:queries=4 --init wide --hidden 64 --mlp 128 --steps 3000 --lr 4e-3

commit=${FASTWEIGHT_COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || echo unknown)}
gpu=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -1)
python3 scripts/ablation_page.py "$runs" "$commit" "$gpu" >"$page"
say "wrote $page"
