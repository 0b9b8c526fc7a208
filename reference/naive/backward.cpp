// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <complex>

#include "naive/reference.h"
#include "naive/swa.h"
#include "naive/vjp/driver.h"
#include "naive/vjp/delta.h"
#include "naive/vjp/gdn.h"
#include "naive/vjp/gdn2.h"
#include "naive/vjp/gdn2_erase.h"
#include "naive/vjp/gdn2_write.h"
#include "naive/vjp/gla.h"
#include "naive/vjp/kda.h"
#include "naive/vjp/linear.h"
#include "naive/vjp/mamba2.h"
#include "naive/vjp/mamba3.h"
#include "naive/vjp/mamba3_driver.h"
#include "naive/vjp/mamba3_mimo.h"
#include "naive/vjp/softmax_driver.h"

namespace fw::naive {

template <class T>
Gradients<T> backward(const Inputs<T>& in, const Upstream<T>& up, const Options& options) {
  switch (options.variant) {
    case Variant::linear: return run_backward<Linear>("linear backward", in, up, options);
    case Variant::mamba2: return run_backward<Mamba2>("mamba2 backward", in, up, options);
    case Variant::gla: return run_backward<Gla>("gla backward", in, up, options);
    case Variant::delta: return run_backward<Delta>("delta backward", in, up, options);
    case Variant::gdn: return run_backward<Gdn>("gdn backward", in, up, options);
    case Variant::kda: return run_backward<Kda>("kda backward", in, up, options);
    case Variant::gdn2_write: return run_backward<Gdn2Write>("gdn2-write backward", in, up, options);
    case Variant::gdn2_erase: return run_backward<Gdn2Erase>("gdn2-erase backward", in, up, options);
    case Variant::gdn2: return run_backward<Gdn2>("gdn2 backward", in, up, options);
    case Variant::mamba3: return run_mamba3_backward<Mamba3>("mamba3 backward", in, up, options);
    case Variant::mamba3_mimo: return run_mamba3_backward<Mamba3Mimo>("mamba3-mimo backward", in, up, options);
    case Variant::softmax: return run_attention_backward<Softmax>("softmax backward", in, up, options);
    case Variant::swa: return run_attention_backward<Swa>("swa backward", in, up, options);
    default: throw Error("backward: no naive reference for " + std::string(info(options.variant).name));
  }
}

template Gradients<double> backward(const Inputs<double>&, const Upstream<double>&, const Options&);
template Gradients<float> backward(const Inputs<float>&, const Upstream<float>&, const Options&);

}  // namespace fw::naive
