// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Runs a problem through the chunk algebra; the token-by-token reference and the comparison are in support/results.h.
#pragma once

#include <vector>

#include "chunkwise/chunkwise.h"
#include "support/results.h"

namespace fw::test {

template <class T>
std::vector<Named<T>> chunkwise_results(const Inputs<T>& in, const Upstream<T>& up, const Options& options,
                                        const chunkwise::Settings& settings = {}) {
  return results(chunkwise::forward(in, options, settings), chunkwise::backward(in, up, options, settings));
}
inline std::vector<Named<double>> chunkwise_results(const Problem& p, const chunkwise::Settings& settings = {}) {
  return chunkwise_results(p.in, p.up, p.options, settings);
}

}  // namespace fw::test
