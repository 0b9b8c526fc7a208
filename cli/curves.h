// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Learning curves of an ablation as SVG: a panel per task, accuracy of the training batches over steps, a line for every seed, a colour and a dash
// pattern per variant.
#pragma once

#include <string>
#include <vector>

namespace fw::cli {

struct CurvePoint {
  double step = 0, accuracy = 0;
};
struct CurveGroup {
  std::string label;                           ///< the variant
  std::vector<std::vector<CurvePoint>> seeds;  ///< a curve each
};
struct CurvePanel {
  std::string title;
  double chance = 0;
  std::vector<CurveGroup> groups;
};

std::string curves_svg(const std::vector<CurvePanel>& panels);

}  // namespace fw::cli
