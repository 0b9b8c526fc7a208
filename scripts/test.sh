#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Every test, from nothing: the same set-up as run.sh, a full build in the same folder, then ctest. Arguments go to
# ctest. The last lines are ctest's own.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

case ${1:-} in
  -h | --help)
    cat <<'TEXT'
usage: scripts/test.sh [CTEST ARGUMENTS]

Installs missing packages (Debian, Ubuntu), builds everything in build/cpu and runs the tests. Examples:
  scripts/test.sh                    all tests
  scripts/test.sh -R naive           those whose name matches
  scripts/test.sh -L repository      the checks of the repository itself
See scripts/setup.sh for FASTWEIGHT_JOBS and FASTWEIGHT_NO_APT.
TEXT
    exit 0
    ;;
esac
# For the test of the real window; skipped where they are missing.
fw_test_packages="xvfb xdotool libgl1-mesa-dri"
fw_set_up
fw_build
fw_say "running ctest after $SECONDS s"
cd "$fw_root"
exec ctest --preset "$fw_preset" --parallel "$(fw_jobs)" "$@"
