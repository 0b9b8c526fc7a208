// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace fw {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kSmallest = std::numeric_limits<double>::denorm_min();

/// scaled * 2^exponent: the root mean square of numbers whose squares may not be representable.
struct Magnitude {
  double scaled = 0.0;
  int exponent = 0;
  double value() const { return std::ldexp(scaled, exponent); }
};

/// Sum of squares that neither overflows nor vanishes: numbers out of the comfortable range are multiplied by a power of two.
class Squares {
 public:
  explicit Squares(double largest) : exponent_(largest > 1e140 ? 600 : largest < 1e-140 ? -600 : 0), gain_(std::ldexp(1.0, -exponent_)) {}
  double gain() const { return gain_; }
  void add(double x) {
    const double y = x * gain_;
    sum_ += y * y;
  }
  void add(const Squares& other) { sum_ += other.sum_; }
  Magnitude rms(index_t count) const { return {std::sqrt(sum_ / static_cast<double>(count)), exponent_}; }

 private:
  int exponent_;
  double gain_, sum_ = 0.0;
};

/// error / size; 0 / 0 is 0; a nonzero error never becomes 0 by underflow.
double ratio(const Magnitude& error, const Magnitude& size) {
  if (error.scaled == 0.0) return 0.0;
  if (size.scaled == 0.0) return kInf;
  return std::max(std::ldexp(error.scaled / size.scaled, error.exponent - size.exponent), kSmallest);
}

/// c - r times 2^-shift, never 0 for unequal and never infinite for finite arguments.
double difference(double c, double r, int shift) {
  const double d = shift == 0 ? c - r : 0.25 * c - 0.25 * r;
  return d == 0.0 && c != r ? kSmallest : d;
}

bool same_kind(double c, double r) {
  if (std::isnan(c) || std::isnan(r)) return std::isnan(c) && std::isnan(r);
  if (std::isinf(c) || std::isinf(r)) return c == r;
  return true;
}

/// First look: maxima and everything that is not finite.
struct Extremes {
  double candidate = 0.0, reference = 0.0;
};

Extremes survey(TensorView<const double> candidate, TensorView<const double> reference, Comparison& out) {
  Extremes largest;
  for (index_t i = 0; i < out.elements; ++i) {
    const double c = candidate[i], r = reference[i];
    const bool c_finite = std::isfinite(c), r_finite = std::isfinite(r);
    if (c_finite) largest.candidate = std::max(largest.candidate, std::fabs(c));
    if (r_finite) largest.reference = std::max(largest.reference, std::fabs(r));
    if (c_finite && r_finite) continue;
    out.nonfinite_candidate += !c_finite;
    out.nonfinite_reference += !r_finite;
    if (out.first_nonfinite < 0) out.first_nonfinite = i;
    if (same_kind(c, r)) continue;
    ++out.nonfinite_mismatch;
    if (out.first_mismatch < 0) out.first_mismatch = i;
  }
  return largest;
}

struct Row {
  Magnitude error, size;
  double largest_error = 0.0;
  index_t largest_error_at = -1;
  bool finite = true;
};

Row measure_row(const double* c, const double* r, index_t width, int shift) {
  Row row;
  double largest = 0.0;
  for (index_t i = 0; i < width; ++i) {
    if (!std::isfinite(c[i]) || !std::isfinite(r[i])) {
      row.finite = false;
      continue;
    }
    const double d = std::fabs(difference(c[i], r[i], shift));
    largest = std::max(largest, std::fabs(r[i]));
    if (d > row.largest_error) {
      row.largest_error = d;
      row.largest_error_at = i;
    }
  }
  if (!row.finite) return row;
  Squares errors(row.largest_error), sizes(largest);
  for (index_t i = 0; i < width; ++i) {
    errors.add(difference(c[i], r[i], shift));
    sizes.add(r[i]);
  }
  row.error = errors.rms(width);
  row.error.exponent += shift;
  row.size = sizes.rms(width);
  return row;
}

}  // namespace

Comparison compare(TensorView<const double> candidate, TensorView<const double> reference, const Tolerance& tolerance, index_t row_width) {
  Comparison out;
  out.candidate_shape = candidate.shape();
  out.reference_shape = reference.shape();
  out.shapes_match = candidate.defined() && reference.defined() && candidate.shape() == reference.shape();
  if (!out.shapes_match) {
    out.rel_l2 = out.nmse = out.worst_row = out.max_abs = kInf;
    out.cosine = 0.0;
    return out;
  }
  out.elements = reference.numel();
  out.row_width = row_width != 0 ? row_width : reference.shape().rank() > 0 ? reference.shape()[-1] : 1;
  if (out.row_width < 0 || (out.row_width > 0 && out.elements % out.row_width != 0))
    throw Error(fmt::format("compare: row_width must divide the {} elements of {}, got {}", out.elements, reference.shape().str(), row_width));
  if (out.elements == 0) return out;
  out.rows = out.elements / out.row_width;

  const Extremes largest = survey(candidate, reference, out);
  const bool finite = out.nonfinite_candidate == 0 && out.nonfinite_reference == 0;
  const int shift = std::max(largest.candidate, largest.reference) > 0x1p1022 ? 2 : 0;
  out.max_abs_reference = largest.reference;

  Squares reference_squares(largest.reference), candidate_squares(largest.candidate);
  double largest_error = 0.0, dot = 0.0;
  for (index_t row = 0; row < out.rows; ++row) {
    Squares r_part(largest.reference), c_part(largest.candidate);
    double dot_part = 0.0;
    for (index_t i = row * out.row_width; i < (row + 1) * out.row_width; ++i) {
      const double c = candidate[i], r = reference[i];
      if (!std::isfinite(c) || !std::isfinite(r)) continue;
      r_part.add(r);
      c_part.add(c);
      dot_part += (c * c_part.gain()) * (r * r_part.gain());
      largest_error = std::max(largest_error, std::fabs(difference(c, r, shift)));
    }
    reference_squares.add(r_part);
    candidate_squares.add(c_part);
    dot += dot_part;
  }
  const Magnitude size = reference_squares.rms(out.elements), candidate_size = candidate_squares.rms(out.elements);
  out.rms_reference = size.value();

  const double floor = out.row_width >= 16 ? 0.1 : 1.0;
  const Magnitude floor_size{floor * size.scaled, size.exponent};
  Squares error_squares(largest_error);
  double shifted_max = 0.0;
  for (index_t row = 0; row < out.rows; ++row) {
    const index_t begin = row * out.row_width;
    const Row measured = measure_row(candidate.data() + begin, reference.data() + begin, out.row_width, shift);
    const double error = measured.finite ? std::min(ratio(measured.error, measured.size), ratio(measured.error, floor_size)) : kInf;
    if (error > out.worst_row || (error > 0.0 && out.worst_row_index < 0)) {
      out.worst_row = error;
      out.worst_row_index = row;
    }
    if (!(error <= tolerance.worst_row) || !measured.finite) {
      if (out.rows_over++ == 0) out.first_row_over = row;
    }
    if (measured.largest_error > shifted_max) {
      shifted_max = measured.largest_error;
      out.max_abs_index = begin + measured.largest_error_at;
    }
    Squares part(largest_error);
    for (index_t i = begin; i < begin + out.row_width && measured.finite; ++i) part.add(difference(candidate[i], reference[i], shift));
    error_squares.add(part);
  }
  if (!finite) {
    out.rel_l2 = out.nmse = out.worst_row = out.max_abs = kInf;
    out.max_abs_index = out.first_nonfinite;
    out.cosine = 0.0;
    return out;
  }
  Magnitude error = error_squares.rms(out.elements);
  error.exponent += shift;
  out.rel_l2 = ratio(error, size);
  out.nmse = out.rel_l2 * out.rel_l2;
  out.max_abs = std::ldexp(shifted_max, shift);
  if (size.scaled > 0.0 && candidate_size.scaled > 0.0)
    out.cosine = std::clamp(dot / static_cast<double>(out.elements) / size.scaled / candidate_size.scaled, -1.0, 1.0);
  else
    out.cosine = size.scaled == candidate_size.scaled ? 1.0 : 0.0;
  return out;
}

bool passes(const Comparison& comparison, const Tolerance& tolerance) {
  if (!comparison.shapes_match) return false;
  if (comparison.nonfinite_candidate != 0 || comparison.nonfinite_reference != 0 || comparison.nonfinite_mismatch != 0) return false;
  if (!(comparison.rel_l2 <= tolerance.global) || std::isinf(comparison.rel_l2)) return false;
  return comparison.worst_row <= tolerance.worst_row && !std::isinf(comparison.worst_row);
}

std::string describe(const Comparison& at, const Tolerance& tolerance) {
  if (!at.shapes_match) return fmt::format("shape {} is not that of the reference, {}", at.candidate_shape.str(), at.reference_shape.str());
  const auto sign = [](double error, double limit) { return error <= limit ? "<=" : ">"; };
  std::string text = fmt::format("rel_l2 {:.2e} {} {:.0e}", at.rel_l2, sign(at.rel_l2, tolerance.global), tolerance.global);
  text += fmt::format(", worst row {} of {}: {:.2e} {} {:.0e}", at.worst_row_index, at.rows, at.worst_row,
                      sign(at.worst_row, tolerance.worst_row), tolerance.worst_row);
  if (at.rows_over > 0) text += fmt::format(" ({} rows over, first {})", at.rows_over, at.first_row_over);
  text += fmt::format(", max abs {:.2e} at {}, reference rms {:.2e}", at.max_abs, at.max_abs_index, at.rms_reference);
  if (at.first_nonfinite >= 0)
    text += fmt::format(", not finite: {} in candidate, {} in reference, first at {}, {} mismatched", at.nonfinite_candidate,
                        at.nonfinite_reference, at.first_nonfinite, at.nonfinite_mismatch);
  return text + ", shape " + at.reference_shape.str();
}

}  // namespace fw
