#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Checks of the repository itself, with nothing but bash, grep and awk.
#   check.sh ROOT CHECK...     run these checks on the tree at ROOT        check.sh --list     their names
# A finding is one line "path:line: what is wrong"; exit status 1 when there is any. What each check demands stands
# above its function. The checker is itself tested by self_test.sh: a tree with one fault must be refused.
set -uo pipefail
export LC_ALL=C

checks=(includes licence headers length markers links paths flags scripts hygiene comparator)

# Files under the tree, without what is built, fetched or kept by git.
list_files() {
  find . -type d \( -name '.git' -o -name 'build*' -o -name 'out' -o -name '.deps' -o -name '.headers' -o -name '.cache' -o -name '__pycache__' \) -prune -o -type f -print |
    sed 's|^\./||' | sort
}
sources() { grep -E '\.(h|cpp|cu|cuh)$' <<<"$files"; }
scripts() { grep -E '(\.sh|^\.ci/run)$' <<<"$files"; }
build_files() { grep -E '(CMakeLists\.txt|CMakePresets\.json|\.cmake|\.cmake\.in)$' <<<"$files"; }
pages() { grep -E '\.md$' <<<"$files"; }
text_files() { sources; scripts; build_files; pages; grep -E '\.(py|json|ini|yml|yaml|txt)$' <<<"$files" | grep -vE '(CMakeLists\.txt|CMakePresets\.json)$'; }

# on LISTER COMMAND...: runs the command with the listed files as last arguments, when there are any.
on() {
  local list
  mapfile -t list < <("$1")
  if ((${#list[@]} > 0)); then "${@:2}" "${list[@]}"; fi
}

# Who may include whom: judge and judged meet only in verify, cli and tests; the truth knows nothing but core and Eigen.
check_includes() {
  on sources awk '
    function fault(text) { print FILENAME ":" FNR ": " text }
    function has(list, item) { return index(" " list " ", " " item " ") > 0 }
    BEGIN {
      room_may["core"] = "core"
      room_may["naive"] = "core naive"
      room_may["chunkwise"] = "core chunkwise"
      room_may["omp"] = "core omp"
      room_may["cuda"] = "core cuda"
      room_may["verify"] = "core naive chunkwise verify"
      room_may["model"] = "core naive omp cuda model"
      room_may["viz"] = "core naive model viz"
      rooms = "core naive chunkwise omp cuda verify model viz cli tests"
      # Library headers by their first path part: the rooms that may use them.
      lib_may["Eigen"] = lib_may["unsupported"] = "naive chunkwise verify model cli tests"
      lib_may["fmt"] = lib_may["nlohmann"] = "core verify model cli tests viz"
      lib_may["CLI"] = "cli tests"
      lib_may["doctest"] = "tests"
      lib_may["omp.h"] = "omp tests"
      lib_may["imgui.h"] = lib_may["GLFW"] = lib_may["GL"] = "viz tests"
    }
    FNR == 1 {
      split(FILENAME, part, "/")
      room = part[1] == "reference" ? part[2] : part[1]
    }
    /^[ \t]*#[ \t]*include/ {
      if (!match($0, /["<][^">]*[">]/)) next
      quote = substr($0, RSTART, 1)
      name = substr($0, RSTART + 1, RLENGTH - 2)
      split(name, at, "/")
      first = at[1] == "reference" ? at[2] : at[1]
      if (name ~ /(^|\/)\.\.?\//) fault("include without dots, from the room: \"" name "\"")
      else if (has(rooms, first) && name ~ /\//) {
        if ((first == "cli" || first == "tests") && room != first) fault(room " must not include " first ": \"" name "\"")
        else if ((room in room_may) && !has(room_may[room], first)) fault(room " must not include " first ": \"" name "\"")
      } else if (first in lib_may) {
        if (!has(lib_may[first], room)) fault(room " must not include <" name ">")
        else if ((first == "fmt" || first == "nlohmann") && FILENAME ~ /\.(h|cuh)$/) fault("private dependency in a header: <" name ">")
        else if ((first == "GLFW" || first == "GL") && FILENAME ~ /^viz\/(panels|widgets)\//) fault("panels and widgets draw without a window: <" name ">")
      } else if (name ~ /^(cuda|cublas|cudnn|nccl)/ && room != "cuda" && room != "tests") fault(room " must not include <" name ">")
      else if (quote == "\"" && (room in room_may) && room != "viz") fault("include as \"room/file.h\": \"" name "\"")
    }'
}

# Two SPDX lines at the top of every source and script.
check_licence() {
  { sources; scripts; grep -E '\.py$' <<<"$files"; } | while read -r file; do
    head -n 3 "$file" | awk -v file="$file" '
      /^(\/\/|#) SPDX-License-Identifier: MIT$/ { licence = NR }
      /^(\/\/|#) SPDX-FileCopyrightText: [0-9]+ the fastweight authors$/ { text = NR }
      END { if (!licence || text != licence + 1) print file ":1: the two SPDX lines are missing" }'
  done
}

# A header says what it is for: after the SPDX lines an empty comment line, a purpose block, then #pragma once. Scripts too.
check_headers() {
  sources | grep -E '\.(h|cuh)$' | while read -r file; do
    awk -v file="$file" '
      NR == 3 && $0 != "//" { bad = 1 }
      NR == 4 && $0 !~ /^\/\/ *[^ \/]/ { bad = 1 }
      /^#pragma once$/ { once = 1 }
      END {
        if (bad || NR < 4) print file ":3: a header starts with a purpose block after the SPDX lines"
        if (!once) print file ":1: #pragma once is missing"
      }' "$file"
  done
  scripts | while read -r file; do
    sed -n 5p "$file" | grep -qE '^# *[^ ]' || echo "$file:5: a script says what it is for after the SPDX lines"
  done
  sources | grep -vE '(^|/)[a-z0-9_]+\.[a-z]+$' | sed 's/$/:1: source names are snake_case/'
}

# Sources stay short enough to be read in one sitting.
check_length() {
  { sources; scripts; build_files; } | while read -r file; do
    lines=$(wc -l <"$file")
    if ((lines > 400)); then echo "$file:400: $lines lines, at most 400 are allowed"; fi
  done
}

# Nothing is left lying about.
check_markers() {
  on text_files grep -nHowE 'TO''DO|FIX''ME|XX''X|HA''CK' | sed 's/$/ is left over/'
}

# In every page: relative links lead somewhere, headings that are linked to exist, files named in backticks exist.
check_links() {
  local page kind line target file anchor
  while read -r page; do
    while IFS=$'\t' read -r kind line target; do
      file=${target%%#*} anchor=
      [[ $target == *'#'* ]] && anchor=${target#*#}
      if [[ $kind == name ]]; then
        [[ -e $target || -e reference/$target || -e $(dirname "$page")/$target ]] || echo "$page:$line: names a file that does not exist: $target"
        continue
      fi
      if [[ -n $file && ! -e $(dirname "$page")/$file ]]; then
        echo "$page:$line: broken link: $target"
      elif [[ -n $anchor && ${file:-$page} == *.md ]]; then
        [[ -z $file ]] && file=$page || file=$(dirname "$page")/$file
        headings "$file" | grep -qxF -e "$anchor" || echo "$page:$line: no such heading: $target"
      fi
    done < <(references "$page")
  done < <(pages)
}
# Links and backticked file names of a page, as "kind TAB line TAB target"; code blocks and web addresses left out.
references() {
  awk -v history="$([[ $1 == *CHANGELOG.md ]] && echo 1)" '
    /^ *(```|~~~)/ { code = !code; next }
    code || /^    / { next }
    {
      rest = $0
      while (match(rest, /`[^`]*`/)) {
        name = substr(rest, RSTART + 1, RLENGTH - 2)
        rest = substr(rest, 1, RSTART - 1) "~" substr(rest, RSTART + RLENGTH)
        if (!history && name ~ /^(reference|core|naive|chunkwise|verify|cli|tests|docs|scripts|cmake|notebooks_data)\/[A-Za-z0-9_.\/-]+\.[a-z]+$/)
          print "name\t" FNR "\t" name
      }
      while (match(rest, /\]\([^() \t]+\)/)) {
        link = substr(rest, RSTART + 2, RLENGTH - 3)
        rest = substr(rest, RSTART + RLENGTH)
        if (link !~ /^[a-z]+:/) print "link\t" FNR "\t" link
      }
    }' "$1"
}
# Anchors of a page, spelled as the usual renderers do.
headings() {
  awk '/^ *(```|~~~)/ { code = !code } !code && /^#+ / {
    text = tolower($0); sub(/^#+ +/, "", text); gsub(/[^a-z0-9 _-]/, "", text); gsub(/ /, "-", text)
    print seen[text]++ ? text "-" seen[text] - 1 : text
  }' "$1"
}

# Nothing that is true on one machine only.
check_paths() {
  on text_files grep -nHoE '(^|[^A-Za-z0-9_.~<}$-])/(home|root|work|Users|mnt|scratch)/[A-Za-z0-9_.-]*|\.\./sha''red' | sed 's/$/: path of one machine/'
}

# Arithmetic is reproducible: no flag that lets the compiler reassociate or contract; OpenMP only where omp is built.
check_flags() {
  { on build_files grep -nHE -e '-f''fast-math|-O''fast|-funsafe-''math|-fassociative-''math|-freciprocal-''math|-ffinite-''math|use_fast_''math|-ffp-contract=(on|fast)' /dev/null |
      grep -vE 'set_source_files_properties\(omp/simd/kernels_[^ ]* PROPERTIES COMPILE_OPTIONS "-ffp-contract=fast;'
    on sources grep -nHE -e 'GCC optim''ize|fp_contract +ON|STDC FP_CONT''RACT' /dev/null; } | sed 's/$/   <- changes the arithmetic/'
  on build_files grep -nHE 'OpenMP::|-fopenmp' /dev/null | grep -vE 'fw_omp|fw_add_room\(omp' | sed 's/$/   <- OpenMP outside omp/'
  if [[ -f cmake/options.cmake ]] && ! grep -q -e '-ffp-contract=off' cmake/options.cmake; then
    echo "cmake/options.cmake:1: -ffp-contract=off is missing from fw_flags"
  fi
}

# Scripts start with #!, may be executed, are valid bash and stop at the first error.
check_scripts() {
  scripts | while read -r file; do
    [[ -x $file ]] || echo "$file:1: not executable"
    head -n 1 "$file" | grep -qE '^#!/usr/bin/env bash$' || echo "$file:1: must start with #!/usr/bin/env bash"
    bash -n "$file" 2>/dev/null || echo "$file:1: bash cannot parse it"
    grep -qE '^set -e?uo pipefail$' "$file" || echo "$file:1: set -euo pipefail is missing"
  done
}

# Unix line ends, a last line end, no tabs or blanks at line ends in code.
check_hygiene() {
  on text_files grep -nHE $'\r$' | sed 's/:[^:]*$/: carriage return/'
  { sources; scripts; build_files; } | while read -r file; do
    grep -nE '[ ]+$|'$'\t' "$file" | sed "s|^\([0-9]*\):.*|$file:\1: tab, or blank at the line end|"
    [[ -s $file && -n $(tail -c 1 "$file") ]] && echo "$file:1: no line end at the end of the file"
  done
}

# Tensors are compared by the one comparator: doctest's relative floor hides small gradients.
check_comparator() {
  on sources grep -nHE 'doctest::Appr''ox|\bAppr''ox\(' /dev/null | sed 's/$/   <- use the comparator of core/'
}

if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${checks[@]}"
  exit 0
fi
if (($# < 2)); then
  echo "usage: check.sh ROOT CHECK... (or check.sh --list)" >&2
  exit 64
fi
cd "$1" || exit 64
shift
files=$(list_files)
[[ -n $files ]] || { echo "no files here" >&2; exit 64; }
status=0
for check in "$@"; do
  declare -F "check_$check" >/dev/null || { echo "unknown check: $check" >&2; exit 64; }
  found=$("check_$check")
  if [[ -n $found ]]; then
    printf '%s\n' "$found"
    status=1
  fi
done
exit "$status"
