// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <complex>

#include "naive/driver.h"
#include "naive/gdn2.h"
#include "naive/kda.h"
#include "naive/reference.h"

namespace fw::naive {

template <class T>
Outputs<T> forward(const Inputs<T>& in, const Options& options) {
  switch (options.variant) {
    case Variant::kda: return run_forward<Kda>("kda forward", in, options);
    case Variant::gdn2: return run_forward<Gdn2>("gdn2 forward", in, options);
    default: throw Error("forward: no naive reference for " + std::string(info(options.variant).name));
  }
}

template Outputs<double> forward(const Inputs<double>&, const Options&);
template Outputs<float> forward(const Inputs<float>&, const Options&);
template Outputs<std::complex<double>> forward(const Inputs<std::complex<double>>&, const Options&);

}  // namespace fw::naive
