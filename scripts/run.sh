#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# The main job, from nothing: set up, build the program, then judge the real kernel dumps that ship in
# notebooks_data/kernel_dumps/ and one copy that is broken on purpose. Exit status 0: the correct kernels were
# accepted and the broken one was rejected. Then the visualizer opens, where there is a display and a terminal; elsewhere its
# pictures are drawn into build/pictures.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

usage() {
  cat <<'TEXT'
usage: scripts/run.sh

Installs missing packages (Debian, Ubuntu), builds the program and judges the kernel dumps in
notebooks_data/kernel_dumps/, then one copy broken on purpose. Takes no arguments; see scripts/setup.sh for
FASTWEIGHT_JOBS and FASTWEIGHT_NO_APT. The program stays in build/cpu/cli/fastweight.
TEXT
}

# Runs a command and fails unless it ends with the wanted exit status.
expect_status() {
  local wanted=$1 status=0
  shift
  printf '\n$ %s\n' "fastweight ${*:2}"
  "$@" || status=$?
  [[ $status == "$wanted" ]] || fw_die "expected exit status $wanted, got $status"
}

main_job() {
  local program=$fw_build_dir/cli/fastweight dumps=notebooks_data/kernel_dumps broken=build/cpu/broken.safetensors
  expect_status 0 "$program" verify "$dumps"/*.safetensors
  expect_status 0 "$program" break "$dumps/fla_gdn2_bf16.safetensors" --mistake block-end-decay-early -o "$broken"
  expect_status 2 "$program" verify "$broken"
}

# A window only for somebody who sits in front of it; a picture is always possible where Dear ImGui is.
visualizer() {
  local program=$fw_build_dir/cli/fastweight
  if [[ -t 1 && -z ${CI:-} && -n ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]]; then
    fw_say "opening the visualizer (close its window to end): fastweight view"
    "$program" view || fw_say "no window could be opened; scripts/pictures.sh build/pictures draws its pictures"
  elif scripts/pictures.sh build/pictures >/dev/null 2>&1; then
    fw_say "no display: the visualizer's pictures are in build/pictures/images (viz.png, viz_model.png, viz_run.png) and of its lessons in build/pictures/lessons"
  else
    fw_say "no display and no Dear ImGui: the visualizer speaks text, fastweight view --describe"
  fi
}

case ${1:-} in
  "") ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; fw_die "run.sh: unknown argument \"$1\"" ;;
esac
fw_set_up
fw_build fastweight
began=$SECONDS
main_job
echo
fw_say "main job done in $((SECONDS - began)) s, everything in $SECONDS s"
visualizer
