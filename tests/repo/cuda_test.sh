#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# cmake/cuda.cmake with a good, a broken and no nvcc: one status line each time, an error only when CUDA is demanded.
#   cuda_test.sh [CMAKE]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cmake=${1:-cmake}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%s\n' '#!/bin/sh' 'echo "Cuda compilation tools, release 12.9, V12.9.41"' >"$work/good"
printf '%s\n' '#!/bin/sh' 'echo "release 12.9 but the driver is gone"; exit 1' >"$work/broken"
chmod +x "$work/good" "$work/broken"
faults=0

# expect STATUS TEXT FASTWEIGHT_CUDA NVCC
expect() {
  local said status=0
  said=$("$cmake" -DFASTWEIGHT_CUDA="$3" -DFASTWEIGHT_NVCC="$4" -P "$here/../../cmake/cuda.cmake" 2>&1) || status=$?
  if [[ $status != "$1" || $(tr -s ' \n' ' ' <<<"$said") != *"$2"* ]]; then
    printf '%s\n' "FASTWEIGHT_CUDA=$3 with nvcc \"$4\": expected status $1 and \"$2\", got $status: $said"
    faults=$((faults + 1))
  fi
}
expect 0 "CUDA: found 12.9 (nvcc)" AUTO "$work/good"
expect 0 "CUDA: found 12.9 (nvcc)" ON "$work/good"
expect 0 "CUDA: not found" AUTO "$work/broken"
expect 1 "FASTWEIGHT_CUDA=ON, but there is no working CUDA compiler" ON "$work/broken"
expect 0 "CUDA: not found" AUTO "$work/absent"
expect 0 "CUDA: switched off - CPU only" OFF "$work/good"
expect 1 "expected AUTO, ON or OFF, got \"perhaps\"" perhaps "$work/good"
echo "$faults faults"
[[ $faults == 0 ]]
