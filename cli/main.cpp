// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <cstdio>

#include "core/variant.h"

int main() {
  for (const auto& row : fw::variants()) std::printf("%s\n", row.name.data());
}
