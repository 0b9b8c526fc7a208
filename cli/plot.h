// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A plot of an ablation as SVG: a panel per task, a row per variant, every seed a point, the median a bar. Accuracy runs from left to right, 0 to 1.
#pragma once

#include <string>
#include <vector>

namespace fw::cli {

struct PlotRow {
  std::string label;
  std::vector<double> near, far;  ///< accuracy of every seed: as trained, and at the farthest setting; far may be empty
};
struct PlotPanel {
  std::string title, near_label, far_label;
  double chance = 0;
  std::vector<PlotRow> rows;
};

std::string ablation_svg(const std::vector<PlotPanel>& panels);

}  // namespace fw::cli
