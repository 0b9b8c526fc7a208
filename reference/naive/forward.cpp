// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <complex>

#include "naive/driver.h"
#include "naive/delta.h"
#include "naive/gdn.h"
#include "naive/gdn2.h"
#include "naive/gdn2_erase.h"
#include "naive/gdn2_write.h"
#include "naive/gla.h"
#include "naive/kda.h"
#include "naive/linear.h"
#include "naive/mamba2.h"
#include "naive/mamba3.h"
#include "naive/mamba3_driver.h"
#include "naive/mamba3_mimo.h"
#include "naive/reference.h"
#include "naive/softmax_driver.h"
#include "naive/swa.h"

namespace fw::naive {

template <class T>
Outputs<T> forward(const Inputs<T>& in, const Options& options) {
  switch (options.variant) {
    case Variant::linear: return run_forward<Linear>("linear forward", in, options);
    case Variant::mamba2: return run_forward<Mamba2>("mamba2 forward", in, options);
    case Variant::gla: return run_forward<Gla>("gla forward", in, options);
    case Variant::delta: return run_forward<Delta>("delta forward", in, options);
    case Variant::gdn: return run_forward<Gdn>("gdn forward", in, options);
    case Variant::kda: return run_forward<Kda>("kda forward", in, options);
    case Variant::gdn2_write: return run_forward<Gdn2Write>("gdn2-write forward", in, options);
    case Variant::gdn2_erase: return run_forward<Gdn2Erase>("gdn2-erase forward", in, options);
    case Variant::gdn2: return run_forward<Gdn2>("gdn2 forward", in, options);
    case Variant::mamba3: return run_mamba3_forward<Mamba3>("mamba3 forward", in, options);
    case Variant::mamba3_mimo: return run_mamba3_forward<Mamba3Mimo>("mamba3-mimo forward", in, options);
    case Variant::softmax: return run_attention_forward<Softmax>("softmax forward", in, options);
    case Variant::swa: return run_attention_forward<Swa>("swa forward", in, options);
    default: throw Error("forward: no naive reference for " + std::string(info(options.variant).name));
  }
}

template Outputs<double> forward(const Inputs<double>&, const Options&);
template Outputs<float> forward(const Inputs<float>&, const Options&);
template Outputs<std::complex<double>> forward(const Inputs<std::complex<double>>&, const Options&);

}  // namespace fw::naive
