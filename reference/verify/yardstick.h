// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The same-precision yardstick: what an ideal kernel of a precision class returns on these very inputs. For the delta
// rules it is reference/chunkwise with every product operand rounded to the class (float32 arithmetic for fp32); for
// Mamba-3 and attention it is the truth on inputs perturbed by one rounding of the class. Outputs are rounded to the
// types they are stored in. Its distance from the truth is the noise any correct kernel of that class makes.
#pragma once

#include <map>
#include <string>

#include "core/families.h"
#include "verify/precision.h"

namespace fw::verify {

using StoredTypes = std::map<std::string, DType, std::less<>>;

Results yardstick(const Problem& problem, Precision precision, bool gradients, const StoredTypes& stored, index_t chunk, int threads);

/// Error of the yardstick, tensor by tensor. The error of a tensor of few numbers (a gradient of A_log has one per head) is a
/// draw of luck: there it is the worst of four yardsticks with other chunk lengths.
using NoiseLevels = std::map<std::string, Comparison, std::less<>>;
struct Ideal {
  Results results;
  NoiseLevels noise;
};
Ideal ideal_kernel(const Problem& problem, Precision precision, const Results& truth, bool gradients, const StoredTypes& stored, index_t chunk, int threads);

/// Round every tensor to the type it is stored in (names without an entry stay as they are).
void round_results(Results& results, const StoredTypes& stored);

}  // namespace fw::verify
