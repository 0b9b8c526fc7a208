// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <complex>

#include "naive/reference.h"
#include "naive/vjp/driver.h"
#include "naive/vjp/gdn2.h"

namespace fw::naive {

template <class T>
Gradients<T> backward(const Inputs<T>& in, const Upstream<T>& up, const Options& options) {
  switch (options.variant) {
    case Variant::gdn2: return run_backward<Gdn2>("gdn2 backward", in, up, options);
    default: throw Error("backward: no naive reference for " + std::string(info(options.variant).name));
  }
}

template Gradients<double> backward(const Inputs<double>&, const Upstream<double>&, const Options&);
template Gradients<float> backward(const Inputs<float>&, const Upstream<float>&, const Options&);

}  // namespace fw::naive
