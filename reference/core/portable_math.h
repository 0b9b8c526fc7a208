// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// exp, log and friends from + - * / alone, so that generated inputs have the same bits with every C library. Only input
// generation uses them; the references use the standard library. Needs IEEE-754 doubles, round to nearest, no contraction.
// Against the exact value the error is below 1 ulp for exp, log and log1p, below 2.5 ulp for expm1, sigmoid and softplus
// (0.79, 0.81, 0.78; 1.4, 2.3, 1.5 measured in quadruple precision). The inverses lose relative accuracy near their zeros.
#pragma once

namespace fw::portable {

/// NaN for NaN; +inf above 709.78, subnormal below -708.4, 0 below -745.13.
double exp(double x);
/// exp(x) - 1 without cancellation near zero.
double expm1(double x);
/// -inf at zero, NaN below; subnormal arguments are exact.
double log(double x);
/// log(1 + x) without cancellation near zero; -inf at -1, NaN below.
double log1p(double x);
/// log(1 + exp(x)), and its inverse log(exp(y) - 1) for y > 0.
double softplus(double x);
double inverse_softplus(double y);
/// 1 / (1 + exp(-x)), and its inverse log(p / (1 - p)) for p in (0,1).
double sigmoid(double x);
double logit(double p);

}  // namespace fw::portable
