#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Trains every checkpoint of notebooks_data/checkpoints again and writes the table of its README.
#   scripts/train_checkpoints.sh [NAME...]      all, or the named ones
#   scripts/train_checkpoints.sh --table        no training, the table alone
# JOBS trainings run at a time (default 1), each on THREADS cores (default: what is left); OUT is the folder (default: where they ship),
# PROGRAM the fastweight to use (default build/cpu/cli/fastweight). A checkpoint takes the place of the old one when it is whole.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs=${JOBS:-1} out=${OUT:-notebooks_data/checkpoints} program=${PROGRAM:-build/cpu/cli/fastweight}
threads=${THREADS:-$(($(nproc) / jobs > 0 ? $(nproc) / jobs : 1))}

small="--hidden 64 --key-width 32 --value-width 32 --mlp 128"
# name | kind of task | options of fastweight train
recipes="
pour_gdn2_neg | merging, which needs an erase gate past 1 per channel | --task pour --variant gdn2:neg --steps 2000 --lr 1e-2
parity_gdn2_neg | state tracking: parity | --task parity --variant gdn2:neg --steps 1000 --lr 5e-3
s3_gdn2_neg | state tracking: products of swaps of three | --task s3 --variant gdn2:neg --steps 2000 --lr 5e-3
s5_delta_neg | state tracking: products of swaps of five | --task s5 --set T=16 --variant delta:neg --hidden 64 --heads 4 --mlp 128 --conv 0 --no-gate --init wide --steps 1500 --lr 4e-3 --until 0.995
mqar_gdn2 | recall of pairs, easy ones first | --task mqar --set \"T=64 pairs=8 keys=63 values=64 ramp=600\" --variant gdn2 $small --init wide --steps 2500 --lr 4e-3 --until 0.98
edit_gdn2 | overwriting | --task edit --set \"live=8 writes=24\" --variant gdn2 $small --init wide --steps 2500 --lr 4e-3 --until 0.98
previous_gdn2_neg | moving a value aside | --task previous --set \"live=4 writes=12 keys=31 values=32\" --variant gdn2:neg $small --init wide --steps 3000 --lr 4e-3 --until 0.97
compositional_gdn2 | keys of two parts, whose neighbours must survive an edit | --task compositional --set \"entities=3 attributes=3 writes=14 entity_names=16 attribute_names=15 values=32\" --variant gdn2 $small --init wide --steps 2500 --lr 4e-3 --until 0.97
needle_gdn2 | one pair in a haystack | --task needle --set \"T=64 keys=32 values=32 words=63\" --variant gdn2 $small --init wide --steps 2000 --lr 4e-3 --until 0.98
copy_gdn2 | copying | --task copy --variant gdn2 $small --steps 1500 --lr 4e-3
text_gdn2 | the next byte of a text | --task text --set T=64 --variant gdn2 $small --init wide --steps 800 --lr 4e-3 --batch 16
"

row_of() { grep -m1 "^$1 |" <<<"$recipes"; }
field() { cut -d'|' -f"$2" <<<"$1" | sed 's/^ *//; s/ *$//'; }
names=$(cut -d' ' -f1 <<<"$recipes" | grep .)
chosen=${*:-$names}
if [[ ${1:-} == --table ]]; then
  chosen=""
  shift
fi
for name in "$@"; do
  row_of "$name" >/dev/null || { echo "train_checkpoints: no recipe named $name; there are:" $names >&2; exit 1; }
done
[[ -x $program ]] || { echo "train_checkpoints: $program must be the built program (PROGRAM names another)" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
train() {
  local name=$1 began=$SECONDS options
  eval "options=($(field "$(row_of "$name")" 3))"
  "$program" train "${options[@]}" --threads "$threads" --eval-sequences 64 --json -o "$work/$name" >"$work/$name.json" 2>"$work/$name.err" ||
    { echo "$name: failed: $(cat "$work/$name.err")" >&2; return 1; }
  rm -f "$work/$name/training.safetensors" # the moments: only for going on
  rm -rf "${out:?}/$name"
  mv "$work/$name" "$out/$name"
  echo "$name: $((SECONDS - began)) s"
}

mkdir -p "$out"
failed=0 running=0
for name in $chosen; do
  if ((running == jobs)); then wait -n || failed=1; running=$((running - 1)); fi
  train "$name" &
  running=$((running + 1))
done
while ((running > 0)); do wait -n || failed=1; running=$((running - 1)); done
((failed == 0)) || exit 1

# The table: accuracy on fresh sequences as trained and at the farthest setting, and what the test demands, 0.02 below the first.
table="| folder | kind of task | made by \`fastweight train\` with | parameters | accuracy, fresh sequences | the test demands |
|---|---|---|---|---|---|"
numbers() { grep -o "\"$1\":[0-9.e-]*" | cut -d: -f2; }
for name in $names; do
  [[ -d $out/$name ]] || continue
  scores=$("$program" eval "$out/$name" --json --sequences 512 --seed 9)
  parameters=$("$program" eval "$out/$name" --as-set --sequences 1 | sed -n 's/.*: \([0-9]*\) parameters.*/\1/p')
  accuracies=($(numbers accuracy <<<"$scores")) lengths=($(numbers length <<<"$scores"))
  text=$(printf '%.3f at length %d' "${accuracies[0]}" "${lengths[0]}")
  last=$((${#accuracies[@]} - 1))
  if ((last > 0)); then text+=$(printf ', %.3f at %d' "${accuracies[last]}" "${lengths[last]}"); fi
  demanded=$(awk -v a="${accuracies[0]}" 'BEGIN { printf "%.2f", int(100 * a - 2) / 100 }')
  row=$(row_of "$name")
  table+=$'\n'"| \`$name\` | $(field "$row" 2) | \`$(field "$row" 3)\` | $parameters | $text | $demanded |"
done
if grep -q '^<!-- table: begin -->$' "$out/README.md" 2>/dev/null; then
  awk -v table="$table" '/^<!-- table: end -->$/ { skip = 0 } !skip { print } /^<!-- table: begin -->$/ { print table; skip = 1 }' "$out/README.md" >"$work/README.md"
  cp "$work/README.md" "$out/README.md"
else
  echo "$table"
fi
du -shc "$out"/*/ | tail -1
