// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "plot.h"

#include <fmt/format.h>

#include "median.h"
#include "svg.h"

namespace fw::cli {
namespace {

constexpr double kLeft = 130, kWidth = 340, kRow = 26, kHead = 58, kFoot = 44, kGap = 24;
constexpr const char* kNear = "#0b5394";  // these two are told apart by everybody, and by shape
constexpr const char* kFar = "#d95f02";

double height_of(const PlotPanel& panel) { return kHead + kRow * static_cast<double>(panel.rows.size()) + kFoot; }

std::string panel_svg(const PlotPanel& panel, double top) {
  const double bottom = top + kHead + kRow * static_cast<double>(panel.rows.size());
  const auto at = [](double accuracy) { return kLeft + kWidth * accuracy; };
  std::string out = svg_text(kLeft, top + 20, panel.title, "start", 15, " font-weight=\"bold\"");
  out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n", kLeft + 4, top + 35, kNear) + svg_text(kLeft + 13, top + 39, panel.near_label, "start", 12);
  if (!panel.far_label.empty())
    out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"7\" height=\"7\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\"/>\n", kLeft + 150, top + 31.5, kFar) +
           svg_text(kLeft + 163, top + 39, panel.far_label, "start", 12);
  for (int i = 0; i <= 4; ++i) {
    const double x = at(0.25 * i);
    out += fmt::format("<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" stroke=\"#dddddd\"/>\n", x, top + kHead - 6, bottom);
    out += svg_text(x, bottom + 15, fmt::format("{:g}", 0.25 * i), "middle", 11);
  }
  out += fmt::format("<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" stroke=\"#777777\" stroke-dasharray=\"4 3\"/>\n", at(panel.chance), top + kHead - 6, bottom);
  out += svg_text(at(panel.chance), bottom + 29, fmt::format("chance {:.3f}", panel.chance), "middle", 11, " fill=\"#555555\"");
  out += svg_text(at(1), bottom + 29, "accuracy", "end", 11, " fill=\"#555555\"");
  for (std::size_t i = 0; i < panel.rows.size(); ++i) {
    const PlotRow& row = panel.rows[i];
    const double y = top + kHead + kRow * (static_cast<double>(i) + 0.5);
    out += svg_text(kLeft - 10, y + 4, row.label, "end", 13);
    const auto median = [&](const std::vector<double>& values, double shift, const char* colour) {
      if (!values.empty())
        out += fmt::format("<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" stroke=\"{3}\" stroke-width=\"2\"/>\n", at(median_of(values)), y + shift - 6, y + shift + 6, colour);
    };
    median(row.near, -5, kNear), median(row.far, 6, kFar);
    for (const double x : row.near) out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\" fill-opacity=\"0.75\"/>\n", at(x), y - 5, kNear);
    for (const double x : row.far)
      out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"7\" height=\"7\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\"/>\n", at(x) - 3.5, y + 2.5, kFar);
  }
  return out;
}

}  // namespace

std::string ablation_svg(const std::vector<PlotPanel>& panels) {
  double height = 12;
  std::string body;
  for (const PlotPanel& panel : panels) {
    body += panel_svg(panel, height);
    height += height_of(panel) + kGap;
  }
  return svg_page(kLeft + kWidth + 30, height, body);
}

}  // namespace fw::cli
