// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Timelines and runs for the tests of the view model, and its grids as tensors for the one comparator.
#pragma once

#include <memory>
#include <string>

#include "support/check.h"
#include "viz/model/run.h"
#include "viz/model/timeline.h"

namespace fw::test {

inline std::shared_ptr<const viz::Timeline> timeline_of(const std::string& script, viz::Settings settings = {}) {
  return std::make_shared<const viz::Timeline>(viz::build_timeline(settings, viz::parse_script(script)));
}
inline viz::Settings uniform(int dk, int dv, double alpha = 1.0) {
  viz::Settings s;
  s.dk = dk;
  s.dv = dv;
  s.policy = viz::Policy::uniform;
  s.alpha = s.alpha_fast = alpha;
  return s;
}
inline viz::Head named(Variant variant) { return {false, variant, {}}; }

inline Tensor<double> tensor(const viz::Grid& g) {
  Tensor<double> out(Shape{g.rows, g.cols});
  std::copy(g.a.begin(), g.a.end(), out.data());
  return out;
}
inline Tensor<double> tensor(const viz::Vec& x) {
  Tensor<double> out(Shape{static_cast<index_t>(x.size())});
  std::copy(x.begin(), x.end(), out.data());
  return out;
}
inline Tensor<double> tensor(double x) { return tensor(viz::Vec{x}); }

constexpr Tolerance kExactToRounding{1e-12, 1e-11};

/// Every kind of token, with surgery.
inline const char* kEverything =
    "Ana=red\nBo=blue\nAna+=city:Rome\n...\nAna?\ngate b[0:5]=0.4\nCy=green @b=0.7 w=0.3 a=0.9\ndel Bo\ngate off\nAna=gold\n... "
    "3\nBo?\nCy=teal\nDee=pink\nDee?\n";
inline const char* kSurgery =
    "Ana=red\nBo=blue\nzero row 3\nCy=green\nS[1,2]=0.25\nscale 0.5\nAna?\nperturb 0.01\nzero col 4\ndel Bo\nAna=gold\n";

}  // namespace fw::test
