#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Draws the pictures of the visualizer that README.md and docs/ show, without a display: the main window, the window on a trained
# model, that model decoding its task as an animated PNG, and a card of each lesson. They go to docs/images and docs/lessons, or
# to images and lessons in the folder that is named. The program must be built (scripts/run.sh does it).
set -euo pipefail

case ${1:-} in
  -h | --help)
    echo "usage: scripts/pictures.sh [FOLDER]    draws FOLDER/images/viz*.png and FOLDER/lessons/*.png (default docs)"
    exit 0
    ;;
esac
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${1:-$root/docs}
program=${FASTWEIGHT_PROGRAM:-$root/build/cpu/cli/fastweight}
[[ -x $program ]] || { echo "pictures.sh: expected the program at $program, got none; scripts/run.sh builds it" >&2; exit 1; }
images=$folder/images lessons=$folder/lessons
mkdir -p "$images" "$lessons"
"$program" view --reduce --size 1600x1000 --t 14 --screenshot "$images/viz.png"
model=(--checkpoint "$root/notebooks_data/checkpoints/pour_gdn2_neg" --example 3)
commands=$(mktemp)
trap 'rm -f "$commands"' EXIT
printf 'set b kda\nrerun on\n' >"$commands"
"$program" view --reduce "${model[@]}" --script "$commands" --t 24 --size 1600x1000 --screenshot "$images/viz_model.png"
"$program" view "${model[@]}" --size 1280x720 --animate "$images/viz_run.png"
# The card of each lesson that shows most, with its question answered.
for lesson in pile-up:2 fading:2 channel-decay:2 beta-dilemma:2 forget:2 write-gate:2 distinctive:3 limits-of-b:2 negative:3 capacity:2 oblique:2 order:3; do
  "$program" view --reduce --lesson "${lesson%:*}" --card "${lesson#*:}" --predicted --size 1280x720 --screenshot "$lessons/${lesson%:*}.png"
done
