// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/results.h"

namespace fw::verify {

Tensor<double>* find(Results& results, std::string_view name) {
  Tensor<double>* found = nullptr;
  for_each_result(results, [&](const char* candidate, Tensor<double>& t, Direction) {
    if (name == candidate) found = &t;
  });
  return found;
}

const Tensor<double>* find(const Results& results, std::string_view name) { return find(const_cast<Results&>(results), name); }

}  // namespace fw::verify
