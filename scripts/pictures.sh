#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Draws the pictures of the visualizer that README.md and docs/ show, without a display: the main window, the window on a trained
# model, and that model decoding its task as an animated PNG. They go to docs/images, or to the folder that is named. The program must be built (scripts/run.sh does it).
set -euo pipefail

case ${1:-} in
  -h | --help)
    echo "usage: scripts/pictures.sh [FOLDER]    draws viz.png, viz_model.png and viz_run.png into FOLDER (default docs/images)"
    exit 0
    ;;
esac
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${1:-$root/docs/images}
program=${FASTWEIGHT_PROGRAM:-$root/build/cpu/cli/fastweight}
[[ -x $program ]] || { echo "pictures.sh: expected the program at $program, got none; scripts/run.sh builds it" >&2; exit 1; }
mkdir -p "$folder"
"$program" view --size 1600x1000 --t 14 --screenshot "$folder/viz.png"
model=(--checkpoint "$root/notebooks_data/checkpoints/pour_gdn2_neg" --example 3)
commands=$(mktemp)
trap 'rm -f "$commands"' EXIT
printf 'set b kda\nrerun on\n' >"$commands"
"$program" view "${model[@]}" --script "$commands" --t 24 --size 1600x1000 --screenshot "$folder/viz_model.png"
"$program" view "${model[@]}" --size 1280x720 --animate "$folder/viz_run.png"
