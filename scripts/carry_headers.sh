#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Copies the header-only libraries (doctest, CLI11, nlohmann-json, fmt, Eigen) from the installed Debian packages into
# .headers/, which git ignores: with the folder carried along, a machine without those packages builds the project with
# -DFASTWEIGHT_HEADERS=.headers. The folder is made anew each time.
set -euo pipefail

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  echo "usage: scripts/carry_headers.sh [FOLDER]    default .headers; about 7 MB. Then: cmake -DFASTWEIGHT_HEADERS=FOLDER"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-.headers}
include=${FASTWEIGHT_INCLUDE:-/usr/include}
parts=(doctest CLI nlohmann fmt eigen3/Eigen)
for part in "${parts[@]}"; do
  [[ -d $include/$part ]] || { echo "carry_headers.sh: $include/$part must be a folder of headers, got none (packages: doctest-dev libcli11-dev nlohmann-json3-dev libfmt-dev libeigen3-dev)" >&2; exit 1; }
done
rm -rf "${folder:?}"
mkdir -p "$folder/eigen3"
for part in "${parts[@]}"; do cp -r "$include/$part" "$folder/$part"; done
du -sh "$folder"
