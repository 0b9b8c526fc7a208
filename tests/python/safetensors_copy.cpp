// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reads a safetensors file and writes what was read; for the comparison with the Python package.
#include <cstdio>
#include <exception>

#include "core/safetensors.h"

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: safetensors_copy FROM TO\n"), 64;
  try {
    fw::write_safetensors(argv[2], fw::read_safetensors(argv[1]));
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
  }
}
