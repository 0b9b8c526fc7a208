// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The door to the ground truth: any variant by name, in double, float or std::complex<double> (complex step).
//   forward   one token at a time through naive/<variant>.h
//   backward  the hand-written reverse in naive/vjp/<variant>.h, exact gradients of every input given
#pragma once

#include "core/problem.h"

namespace fw::naive {

/// o and final state. Throws fw::Error with function, argument, expected, got on any bad input.
template <class T>
Outputs<T> forward(const Inputs<T>& in, const Options& options);

/// Gradient of the loss with respect to every input given, from the gradients `up` of the outputs.
template <class T>
Gradients<T> backward(const Inputs<T>& in, const Upstream<T>& up, const Options& options);

}  // namespace fw::naive
