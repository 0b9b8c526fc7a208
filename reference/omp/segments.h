// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Stand-in.
#pragma once

#include "omp/backward.h"

namespace fw::omp {

template <class T>
void forward_in_segments(const Inputs<T>&, const Options&, const Plan&, const Kernels<T>&, Outputs<T>&, Saved<T>*, index_t) {}
template <class T>
void backward_in_segments(const Inputs<T>&, const Tensor<T>&, const Options&, const Plan&, const Kernels<T>&, const Saved<T>&, const T*, T*, Gradients<T>&, index_t) {}

}  // namespace fw::omp
