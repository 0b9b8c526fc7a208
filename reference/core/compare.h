// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The one comparator of the project: it fails unless closeness is proved, `!(error <= tolerance)`. NaN, an infinity, a wrong
// shape or a missing tensor are never close. Two errors are judged, both relative, neither with an absolute floor:
//   global     ||c - r|| / ||r||                                   forgives a few ruined rows among many
//   worst row  RMS(c_row - r_row) / max(RMS(r_row), f RMS(r))      does not
// The floor f is 0.1 for rows of 16 elements and more, 1 for narrower ones: the RMS of few elements is a poor measure of
// their size (one that happens to be near zero would be asked for digits no kernel has), so a narrow row is measured
// against the whole tensor. Zero reference: the error is 0 if the candidate is exactly zero, else infinite.
#pragma once

#include <string>

#include "core/tensor.h"

namespace fw {

struct Tolerance {
  double global = 0.0;     ///< limit of rel_l2
  double worst_row = 0.0;  ///< limit of worst_row
};

/// All that is known about a candidate tensor beside its reference. Indices are flat and -1 where there is none.
struct Comparison {
  bool shapes_match = false;  ///< both present and of equal shape; otherwise nothing below is measured
  Shape candidate_shape, reference_shape;
  index_t elements = 0, rows = 0, row_width = 0;
  double rms_reference = 0;
  double rel_l2 = 0;          ///< global error; FLA's ratio
  double nmse = 0;            ///< its square; llama.cpp's metric
  double worst_row = 0;       ///< the largest row error
  double max_abs = 0;         ///< the largest |c - r|
  double max_abs_reference = 0;
  double cosine = 1;          ///< of the angle between the two as vectors; 1 if both are zero, 0 if one is
  index_t worst_row_index = -1, max_abs_index = -1;
  index_t first_row_over = -1, rows_over = 0;  ///< rows over tolerance.worst_row, non-finite ones included
  index_t nonfinite_candidate = 0, nonfinite_reference = 0;
  index_t nonfinite_mismatch = 0;  ///< finite beside non-finite, NaN beside Inf, or Inf of the other sign
  index_t first_nonfinite = -1;    ///< first element where either is not finite
  index_t first_mismatch = -1;     ///< first element of nonfinite_mismatch
};

/// Measure. Rows are `row_width` consecutive elements (0: the last axis; it must divide the number of elements).
/// Where anything is not finite, rel_l2, nmse, worst_row and max_abs are infinite, so that no limit holds.
Comparison compare(TensorView<const double> candidate, TensorView<const double> reference, const Tolerance& tolerance,
                   index_t row_width = 0);
inline Comparison compare(const Tensor<double>& candidate, const Tensor<double>& reference, const Tolerance& tolerance,
                          index_t row_width = 0) {
  return compare(candidate.view(), reference.view(), tolerance, row_width);
}

/// The verdict: shapes equal, every element of both finite, both errors within their limits. Empty tensors of equal shape pass.
bool passes(const Comparison& comparison, const Tolerance& tolerance);

/// One line for people: "rel_l2 3.1e-02 > 1e-02, worst row 17 of 400: 2.0e-01 > 3e-02 (first over 16, 12 rows over), ..."
std::string describe(const Comparison& comparison, const Tolerance& tolerance);

}  // namespace fw
