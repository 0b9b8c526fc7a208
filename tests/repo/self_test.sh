#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# The checker is checked: a small clean tree must pass every check, and the same tree with one fault must be refused
# by the named check, at the named file.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mapfile -t checks < <("$here/check.sh" --list)
faults=0 cases=0

header() { printf '%s\n' "// SPDX-License-Identifier: MIT" "// SPDX-FileCopyrightText: 2026 the fastweight authors" "//" "// What it is for." "#pragma once" "$@"; }
source_file() { printf '%s\n' "// SPDX-License-Identifier: MIT" "// SPDX-FileCopyrightText: 2026 the fastweight authors" "$@"; }
script() { printf '%s\n' "#!/usr/bin/env bash" "# SPDX-License-Identifier: MIT" "# SPDX-FileCopyrightText: 2026 the fastweight authors" "#" "# What it is for." "set -euo pipefail" "$@"; }

# A clean tree with a file of every kind.
make_tree() {
  rm -rf "$work/tree"
  mkdir -p "$work/tree"
  cd "$work/tree"
  mkdir -p reference/{core,naive/vjp,chunkwise,verify,omp} cuda model cli tests/naive viz/panels viz/app docs scripts .ci cmake build/junk
  header '#include <vector>' '#include "core/dtype.h"' >reference/core/tensor.h
  header >reference/core/dtype.h
  source_file '#include "core/tensor.h"' '#include <fmt/format.h>' >reference/core/tensor.cpp
  header '#include <Eigen/Core>' '#include "core/tensor.h"' '#include "naive/types.h"' >reference/naive/gdn2.h
  header '#include <complex>' >reference/naive/types.h
  header '#include "naive/gdn2.h"' >reference/naive/vjp/gdn2.h
  header '#include <Eigen/Core>' '#include "core/tensor.h"' >reference/chunkwise/wy.h
  header '#include "chunkwise/wy.h"' '#include "naive/gdn2.h"' '#include "core/tensor.h"' >reference/verify/judge.h
  source_file '#include "core/tensor.h"' '#include <omp.h>' >reference/omp/forward.cpp
  header '#include "core/tensor.h"' '#include <cuda_runtime.h>' >cuda/launch.h
  source_file '#include "core/tensor.h"' '#include "naive/gdn2.h"' '#include "omp/forward.h"' '#include "model/backend.h"' >model/backend.cpp
  source_file '#include <CLI/CLI.hpp>' '#include "verify/judge.h"' '#include "naive/gdn2.h"' >cli/main.cpp
  source_file '#include <doctest/doctest.h>' '#include "support/shapes.h"' '#include "naive/gdn2.h"' >tests/naive/gdn2_test.cpp
  source_file '#include "core/tensor.h"' '#include <imgui.h>' >viz/panels/state.cpp
  source_file '#include <GLFW/glfw3.h>' >viz/app/window.cpp
  script >scripts/run.sh
  script >.ci/run
  chmod +x scripts/run.sh .ci/run
  echo 'add_compile_options(-ffp-contract=off)' >cmake/options.cmake
  printf '%s\n' '# Tree' '' 'See [the page](docs/page.md#a-heading) and [itself](#tree), `reference/core/tensor.h`, [out](https://example.org/x).' >README.md
  printf '%s\n' '# Page' '' '## A heading' '' '[back](../README.md)' '```' '[no link](inside/code.md)' '```' >docs/page.md
  printf 'junk\r\n' >build/junk/left.h
}

# broken CHECK FILE "what" COMMAND: applies the command to a clean tree; the check must name the file.
broken() {
  local check=$1 file=$2 what=$3 found status=0
  cases=$((cases + 1))
  make_tree
  eval "$4"
  found=$("$here/check.sh" . "$check" 2>&1) || status=$?
  if [[ $status != 1 || $found != *"$file:"* ]]; then
    printf '%s\n' "not noticed by $check: $what (exit status $status, said: ${found:-nothing})"
    faults=$((faults + 1))
  fi
}
add() { printf '%s\n' "${@:2}" >>"$1"; }

cases=$((cases + 1))
make_tree
for check in "${checks[@]}"; do
  "$here/check.sh" . "$check" || { echo "the clean tree is refused by $check"; faults=$((faults + 1)); }
done

broken includes reference/core/tensor.h "core includes naive" 'add reference/core/tensor.h "#include \"naive/gdn2.h\""'
broken includes reference/core/tensor.cpp "core includes Eigen" 'add reference/core/tensor.cpp "#include <Eigen/Core>"'
broken includes reference/core/tensor.h "fmt in a header" 'add reference/core/tensor.h "#include <fmt/format.h>"'
broken includes reference/naive/gdn2.h "naive includes chunkwise" 'add reference/naive/gdn2.h "#  include \"chunkwise/wy.h\""'
broken includes reference/naive/vjp/gdn2.h "naive includes verify" 'add reference/naive/vjp/gdn2.h "#include \"verify/judge.h\""'
broken includes reference/naive/gdn2.h "naive includes fmt" 'add reference/naive/gdn2.h "#include <fmt/format.h>"'
broken includes reference/chunkwise/wy.h "chunkwise includes naive" 'add reference/chunkwise/wy.h "#include <naive/gdn2.h>"'
broken includes reference/chunkwise/wy.h "chunkwise includes naive by its long name" 'add reference/chunkwise/wy.h "#include \"reference/naive/gdn2.h\""'
broken includes reference/omp/forward.cpp "omp includes naive" 'add reference/omp/forward.cpp "#include \"naive/gdn2.h\""'
broken includes reference/omp/forward.cpp "omp includes chunkwise" 'add reference/omp/forward.cpp "#include \"chunkwise/wy.h\""'
broken includes reference/omp/forward.cpp "a way round with dots" 'add reference/omp/forward.cpp "#include \"../naive/gdn2.h\""'
broken includes cuda/launch.h "cuda includes naive" 'add cuda/launch.h "#include \"naive/gdn2.h\""'
broken includes cuda/launch.h "cuda includes omp" 'add cuda/launch.h "#include \"omp/plan.h\""'
broken includes reference/core/tensor.h "core uses CUDA" 'add reference/core/tensor.h "#include <cuda_runtime.h>"'
broken includes reference/verify/judge.h "verify includes omp" 'add reference/verify/judge.h "#include \"omp/forward.h\""'
broken includes reference/verify/judge.h "verify includes cli" 'add reference/verify/judge.h "#include \"cli/report.h\""'
broken includes cli/main.cpp "cli includes tests" 'add cli/main.cpp "#include \"tests/support/shapes.h\""'
broken includes reference/naive/gdn2.h "naive uses CUDA" 'add reference/naive/gdn2.h "#include <cuda_fp16.h>"'
broken includes reference/naive/gdn2.h "a header without its room" 'add reference/naive/gdn2.h "#include \"types.h\""'
broken includes model/backend.cpp "model includes chunkwise" 'add model/backend.cpp "#include \"chunkwise/wy.h\""'
broken includes model/backend.cpp "model includes verify" 'add model/backend.cpp "#include \"verify/judge.h\""'
broken includes viz/panels/state.cpp "a panel includes GLFW" 'add viz/panels/state.cpp "#include <GLFW/glfw3.h>"'
broken licence reference/core/tensor.cpp "no SPDX lines" 'echo "int x;" >reference/core/tensor.cpp'
broken licence scripts/run.sh "a script under another licence" 'sed -i s/MIT/GPL-3.0/ scripts/run.sh'
broken headers reference/naive/gdn2.h "no purpose block" 'sed -i 3,4d reference/naive/gdn2.h'
broken headers reference/naive/gdn2.h "no #pragma once" 'sed -i /pragma/d reference/naive/gdn2.h'
broken headers reference/naive/GatedDelta.h "a name in capitals" 'header >reference/naive/GatedDelta.h'
broken length reference/core/tensor.cpp "401 lines" 'for i in $(seq 399); do echo "int x$i;"; done >>reference/core/tensor.cpp'
broken markers cli/main.cpp "a left-over marker" 'add cli/main.cpp "// TO""DO: later"'
broken markers docs/page.md "a left-over marker in a page" 'add docs/page.md "FIX""ME"'
broken links README.md "a link to nowhere" 'add README.md "[gone](docs/gone.md)"'
broken links docs/page.md "a link from the wrong folder" 'add docs/page.md "![picture](docs/page.md)"'
broken links README.md "no such heading" 'add README.md "[heading](docs/page.md#no-such-heading)"'
broken links README.md "a named file that is gone" 'add README.md "See \`naive/gone.h\`."'
broken paths docs/page.md "a home directory" 'add docs/page.md "Run it in /ho""me/me/fastweight."'
broken paths scripts/run.sh "a path of one machine" 'add scripts/run.sh "cd /wo""rk/main"'
broken flags cmake/options.cmake "fast-math" 'add cmake/options.cmake "add_compile_options(-f""fast-math)"'
broken flags cmake/options.cmake "contraction switched on again" 'add cmake/options.cmake "add_compile_options(-ffp-contract""=fast)"'
broken flags cmake/options.cmake "contraction not switched off" 'echo "# nothing" >cmake/options.cmake'
broken flags reference/core/tensor.cpp "a pragma that optimises" 'add reference/core/tensor.cpp "#pragma GCC opti""mize(\"O3\")"'
broken flags cmake/options.cmake "OpenMP for everybody" 'add cmake/options.cmake "link_libraries(OpenMP""::OpenMP_CXX)"'
broken scripts scripts/run.sh "not executable" 'chmod -x scripts/run.sh'
broken scripts scripts/run.sh "does not stop at errors" 'sed -i "/^set /d" scripts/run.sh'
broken scripts .ci/run "does not parse" 'add .ci/run "if true; then"'
broken hygiene reference/core/tensor.h "carriage return" 'printf "int x;\r\n" >>reference/core/tensor.h'
broken hygiene reference/core/tensor.h "blank at the line end" 'printf "int x; \n" >>reference/core/tensor.h'
broken hygiene cli/main.cpp "tab" 'printf "\tint x;\n" >>cli/main.cpp'
broken hygiene cli/main.cpp "no last line end" 'printf "int x;" >>cli/main.cpp'
broken comparator tests/naive/gdn2_test.cpp "the wrong comparator" 'add tests/naive/gdn2_test.cpp "CHECK(a == doctest::Appr""ox(b));"'

cd "$here"
echo "$cases cases, $faults faults"
[[ $faults == 0 ]]
