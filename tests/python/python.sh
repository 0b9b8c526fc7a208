#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Runs a Python test with $FASTWEIGHT_PYTHON or python3. Status 77, "skipped", when there is no python.
set -euo pipefail
python=${FASTWEIGHT_PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
  echo "skipped: no $python (FASTWEIGHT_PYTHON chooses one)"
  exit 77
fi
PYTHONDONTWRITEBYTECODE=1 exec "$python" "$@"
