// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "svg.h"

namespace fw::cli {
namespace {

constexpr double kLeft = 50, kWidth = 420, kHeight = 220, kHead = 34, kFoot = 46, kGap = 16, kKey = 150;
constexpr double kLine = 18;  ///< of the key
struct Style {
  const char *colour, *dash;
};
// Eight colours that people with any colour vision tell apart (Okabe and Ito 2008), then the same dashed.
constexpr std::array<Style, 16> kStyles{{{"#0072b2", ""},
                                         {"#d55e00", ""},
                                         {"#009e73", ""},
                                         {"#cc79a7", ""},
                                         {"#e69f00", ""},
                                         {"#56b4e9", ""},
                                         {"#000000", ""},
                                         {"#8c6d1f", ""},
                                         {"#0072b2", "5 3"},
                                         {"#d55e00", "5 3"},
                                         {"#009e73", "5 3"},
                                         {"#cc79a7", "5 3"},
                                         {"#e69f00", "5 3"},
                                         {"#56b4e9", "5 3"},
                                         {"#000000", "5 3"},
                                         {"#8c6d1f", "5 3"}}};

double height_of(const CurvePanel& panel) { return kHead + std::max(kHeight, kLine * static_cast<double>(panel.groups.size())) + kFoot; }

std::string panel_svg(const CurvePanel& panel, double top) {
  double last = 1;
  for (const CurveGroup& group : panel.groups)
    for (const auto& seed : group.seeds)
      for (const CurvePoint& p : seed) last = std::max(last, p.step);
  const auto x_of = [&](double step) { return kLeft + kWidth * step / last; };
  const auto y_of = [&](double accuracy) { return top + kHead + kHeight * (1 - accuracy); };
  std::string out = svg_text(kLeft, top + 20, panel.title, "start", 15, " font-weight=\"bold\"");
  for (int i = 0; i <= 4; ++i) {
    out += svg_line(kLeft, y_of(0.25 * i), kLeft + kWidth, y_of(0.25 * i), "#dddddd", 1);
    out += svg_text(kLeft - 6, y_of(0.25 * i) + 4, fmt::format("{:g}", 0.25 * i), "end", 11);
    out += svg_text(x_of(last * 0.25 * i), y_of(0) + 16, fmt::format("{:.0f}", last * 0.25 * i), "middle", 11);
  }
  out += svg_line(kLeft, y_of(panel.chance), kLeft + kWidth, y_of(panel.chance), "#777777", 1, " stroke-dasharray=\"4 3\"");
  out += svg_text(kLeft + kWidth, y_of(panel.chance) - 4, "chance", "end", 11, " fill=\"#555555\"");
  out += svg_text(kLeft + kWidth, y_of(0) + 32, "steps; up: accuracy of the training batches", "end", 11, " fill=\"#555555\"");
  for (std::size_t i = 0; i < panel.groups.size(); ++i) {
    const Style style = kStyles[i % kStyles.size()];
    const std::string dash = *style.dash ? fmt::format(" stroke-dasharray=\"{}\"", style.dash) : "";
    for (const auto& seed : panel.groups[i].seeds) {
      std::string points;
      for (const CurvePoint& p : seed) points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", x_of(p.step), y_of(p.accuracy));
      out += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" stroke-opacity=\"0.8\"{}/>\n", points, style.colour, dash);
    }
    const double y = top + kHead + 8 + kLine * static_cast<double>(i);
    out += svg_line(kLeft + kWidth + 14, y, kLeft + kWidth + 42, y, style.colour, 2.5, dash);
    out += svg_text(kLeft + kWidth + 48, y + 4, panel.groups[i].label, "start", 12);
  }
  return out;
}

}  // namespace

std::string curves_svg(const std::vector<CurvePanel>& panels) {
  double height = 8;
  std::string body;
  for (const CurvePanel& panel : panels) {
    body += panel_svg(panel, height);
    height += height_of(panel) + kGap;
  }
  return svg_page(kLeft + kWidth + kKey, height, body);
}

}  // namespace fw::cli
