// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Every refusal of the library is one of these. The text always names the function, the argument, what was
// expected and what came, e.g.
//   gdn2 forward: w must be [B,T,HV,Dv] = [2,64,4,64], got [2,64,4,128]
#pragma once

#include <stdexcept>
#include <string>

namespace fw {

/// Unusable input: wrong shape, range, dtype, or a damaged file. Programs turn it into exit status 1.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what) : std::runtime_error(what) {}
};

}  // namespace fw
