// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Tensor assertions for doctest, all on the project's one comparator.
//   CHECK_CLOSE(candidate, reference, Tolerance)        fails unless proved close, says where and by how much
//   CHECK_NOT_CLOSE(candidate, reference, Tolerance)    for "fails when broken"
//   CHECK_BITWISE_EQUAL(candidate, reference)           same shape, same bits (so +0 is not -0, NaN equals the same NaN)
//   CHECK_ALL_FINITE(tensor)                            "fills its outputs": present, nothing left of the NaN poison
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>

#include "core/compare.h"

namespace fw::test {

/// Empty when close, otherwise the reason.
inline std::string why_not_close(const Tensor<double>& candidate, const Tensor<double>& reference, const Tolerance& tolerance,
                                 index_t row_width = 0) {
  const Comparison measured = compare(candidate, reference, tolerance, row_width);
  return passes(measured, tolerance) ? std::string() : describe(measured, tolerance);
}
inline std::string why_not_close(const Tensor<float>& candidate, const Tensor<double>& reference, const Tolerance& tolerance,
                                 index_t row_width = 0) {
  return why_not_close(candidate.cast<double>(), reference, tolerance, row_width);
}

template <class T>
std::string why_not_bitwise_equal(const Tensor<T>& candidate, const Tensor<T>& reference) {
  if (candidate.defined() != reference.defined()) return candidate.defined() ? "reference is absent" : "candidate is absent";
  if (candidate.shape() != reference.shape())
    return "shape " + candidate.shape().str() + " is not that of the reference, " + reference.shape().str();
  index_t first = -1, differing = 0;
  for (index_t i = 0; i < reference.numel(); ++i) {
    if (std::memcmp(candidate.data() + i, reference.data() + i, sizeof(T)) == 0) continue;
    if (differing++ == 0) first = i;
  }
  if (differing == 0) return {};
  return std::to_string(differing) + " of " + std::to_string(reference.numel()) + " elements differ, first at flat index " +
         std::to_string(first) + " of " + reference.shape().str();
}

template <class T>
std::string why_not_finite(const Tensor<T>& tensor) {
  if (!tensor.defined()) return "tensor is absent";
  for (index_t i = 0; i < tensor.numel(); ++i)
    if (!std::isfinite(static_cast<double>(tensor[i])))
      return "element " + std::to_string(i) + " of " + tensor.shape().str() + " is not finite";
  return {};
}

}  // namespace fw::test

#define FW_CHECK_EMPTY_REASON(text, ...)                         \
  do {                                                           \
    const std::string fw_reason = (__VA_ARGS__);                 \
    CHECK_MESSAGE(fw_reason.empty(), text, ": ", fw_reason);     \
  } while (false)

#define CHECK_CLOSE(candidate, reference, ...) \
  FW_CHECK_EMPTY_REASON(#candidate " close to " #reference, ::fw::test::why_not_close(candidate, reference, __VA_ARGS__))
#define CHECK_NOT_CLOSE(candidate, reference, ...)                                                                 \
  CHECK_MESSAGE(!::fw::test::why_not_close(candidate, reference, __VA_ARGS__).empty(), #candidate " should differ from " \
                #reference " and passed as close")
#define CHECK_BITWISE_EQUAL(candidate, reference) \
  FW_CHECK_EMPTY_REASON(#candidate " bitwise equal to " #reference, ::fw::test::why_not_bitwise_equal(candidate, reference))
#define CHECK_ALL_FINITE(tensor) FW_CHECK_EMPTY_REASON(#tensor " finite", ::fw::test::why_not_finite(tensor))
