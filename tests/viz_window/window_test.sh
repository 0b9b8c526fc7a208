#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# The real window under Xvfb, driven by xdotool: keys, clicks, the command box; what it did is read from the session it saves.
# Then it must use almost no processor while nothing happens. Skipped (77) where Xvfb or xdotool is missing.
#   window_test.sh PROGRAM
set -euo pipefail

program=$1
for tool in Xvfb xdotool; do
  command -v "$tool" >/dev/null 2>&1 || { echo "skipped: no $tool (Debian: apt-get install xvfb xdotool libgl1-mesa-dri)"; exit 77; }
done

folder=$(mktemp -d)
server='' window=''
finish() {
  if [[ -n $window ]]; then kill "$window" 2>/dev/null || true; fi
  if [[ -n $server ]]; then kill "$server" 2>/dev/null || true; fi
  rm -rf "$folder"
}
trap finish EXIT
die() { echo "window_test: $*" >&2; cat "$folder/err" >&2 || true; exit 1; }

# The server chooses a free display and says which.
Xvfb -displayfd 3 -screen 0 1280x800x24 -noreset -nolisten tcp 3>"$folder/display" >/dev/null 2>&1 &
server=$!
for _ in $(seq 100); do [[ -s $folder/display ]] && break; sleep 0.1; done
[[ -s $folder/display ]] || { echo "skipped: Xvfb does not start here"; exit 77; }
DISPLAY=:$(cat "$folder/display")
export DISPLAY
cd "$folder"

"$program" view --size 1280x720 2>"$folder/err" &
window=$!
id=''
for _ in $(seq 200); do
  id=$(xdotool search --name '^fastweight$' 2>/dev/null | head -n 1) && [[ -n $id ]] && break
  kill -0 "$window" 2>/dev/null || break
  sleep 0.1
done
[[ -n $id ]] || die "expected a window, got none"
sleep 1.5
xdotool windowfocus "$id" 2>/dev/null || true

# Dear ImGui sees a key that is down when a frame begins: on a busy machine that takes a while.
tap() { xdotool keydown "$1"; sleep 0.25; xdotool keyup "$1"; sleep 0.2; }
# What is typed goes to the box; the session says what became of it.
enter() { xdotool key slash; sleep 1; xdotool type --delay 40 "$1"; sleep 0.3; tap Return; sleep 0.3; tap Escape; }
saved() {
  rm -f "$1"
  for _ in 1 2 3; do  # on a machine that is busy letters can come before the box has the keyboard
    enter "save $1"
    for _ in $(seq 30); do [[ -s $1 ]] && return 0; sleep 0.1; done
  done
  die "expected the session $1, got no file"
}
# Enter a line until the session shows what it does: letters that came too early have gone elsewhere.
does() {
  for _ in 1 2 3; do
    enter "$1"
    saved "$2"
    grep -q "$3" "$2" && return 0
  done
  die "expected \"$1\" to do something, got nothing of it in $2"
}
saved first.json
grep -q '"t": 14' first.json || die "expected to stand at token 14, got $(grep '"t"' first.json)"

xdotool key Home; sleep 0.4
xdotool key Right Right Right; sleep 0.4
xdotool key t; sleep 0.4
saved keys.json
grep -q '"t": 3,' keys.json || die "expected token 3 after Home and three steps, got $(grep '"t"' keys.json)"
grep -q '"theme": "dark"' keys.json || die "expected the dark theme after T"

# The fourth button of the bar steps forward (13 pixels a letter, its middle at 9 letters).
xdotool mousemove --window "$id" 124 17; sleep 0.3
xdotool click 1; sleep 0.5
saved clicks.json
grep -q '"t": 4,' clicks.json || die "expected token 4 after a click on step, got $(grep '"t"' clicks.json)"
does 'set half-life on' option.json '"half_life": true'
does 'gate b[0:4]=0.5' branch.json 'gate b\[0:4\]=0.5'

# The wheel over the memory shows fewer channels; 0 shows all of them again.
xdotool mousemove --window "$id" 100 220; sleep 0.3
xdotool click 4 click 4; sleep 0.5
saved zoom.json
grep -q '"zoom"' zoom.json || die "expected the wheel to zoom"
xdotool key 0; sleep 0.5
saved all.json
grep -q '"zoom"' all.json && die "expected all channels after 0"

enter 'png memory 2 shot.png'
for _ in $(seq 50); do [[ -s shot.png ]] && break; sleep 0.1; done
[[ $(head -c 4 shot.png | tail -c 3) == PNG ]] || die "expected a picture of the panel, got none"
xdotool key plus plus; sleep 0.6   # letters grow while it runs
xdotool key Escape
xdotool mousemove --window "$id" 3 715; sleep 1.5

# utime + stime in clock ticks; 2 s without events.
ticks() { awk '{ print $14 + $15 }' "/proc/$window/stat"; }
before=$(ticks)
sleep 2
used=$(( ($(ticks) - before) * 1000 / $(getconf CLK_TCK) ))
echo "processor time over 2 s without events: $used ms"
((used < 100)) || die "expected less than 5 % of a processor while nothing happens, got $((used / 20)) %"
kill -0 "$window" 2>/dev/null || die "expected the window to be open still"
echo "window: keys, clicks, command box, picture and idling are as they should be"
