// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/other_verdicts.h"

#include <cmath>

namespace fw::verify {
namespace {

/// |c - r| <= atol + rtol |r| for every element; the value is the share of elements that hold.
OtherVerdict allclose(std::string rule, const Tensor<double>& c, const Tensor<double>& r, double atol, double rtol) {
  index_t held = 0;
  for (index_t i = 0; i < r.numel(); ++i) held += std::fabs(c[i] - r[i]) <= atol + rtol * std::fabs(r[i]);
  return {std::move(rule), held == r.numel(), r.numel() ? static_cast<double>(held) / static_cast<double>(r.numel()) : 1.0};
}

}  // namespace

std::vector<OtherVerdict> other_verdicts(std::string_view tensor, const Tensor<double>& candidate, const Tensor<double>& truth, const Comparison& c, Precision precision) {
  std::vector<OtherVerdict> out;
  const bool clean = c.shapes_match && c.nonfinite_mismatch == 0 && c.nonfinite_candidate == 0;
  const auto ratio = [&](const char* rule, double limit) { out.push_back({rule, clean && c.rel_l2 < limit, c.rel_l2}); };
  const bool forward = tensor == "o" || tensor == "final_state";
  const bool gate = tensor == "dg" || tensor == "db" || tensor == "dw" || tensor == "dbeta";
  if (forward) {
    ratio("FLA outputs 0.005", 5e-3);
    out.push_back({"llama.cpp NMSE 1e-7", clean && c.nmse <= 1e-7, c.nmse});
    const bool half = precision == Precision::fp16, state = tensor == "final_state";
    const double atol = half ? (state ? 1e-3 : 2e-3) : (state ? 5e-3 : 1e-2), rtol = half ? (state ? 1e-4 : 1e-3) : (state ? 1e-3 : 1e-2);
    out.push_back(allclose(half ? "FlashInfer allclose fp16" : "FlashInfer allclose bf16", candidate, truth, atol, rtol));
    ratio("FlashQLA rel-L2 0.02", 2e-2);
  } else if (tensor.starts_with("d")) {
    if (gate) ratio("FLA gate gradients 0.02", 2e-2);
    else ratio("FLA gradients 0.008", 8e-3);
    ratio("FlashQLA rel-L2 0.02", 2e-2);
  }
  return out;
}

}  // namespace fw::verify
