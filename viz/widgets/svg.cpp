// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/widgets/svg.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace fw::viz {
namespace {

/// Baseline below the top of a line of DejaVu Sans, in sizes.
constexpr float kAscent = 0.80f;

/// Two decimals, without trailing zeros.
std::string n(float x) {
  std::string s = fmt::format("{:.2f}", std::isfinite(x) ? x : 0.0f);
  while (s.back() == '0') s.pop_back();
  if (s.back() == '.') s.pop_back();
  return s == "-0" ? "0" : s;
}

std::string paint(const char* what, std::uint32_t c) {
  std::string s = fmt::format(" {}=\"#{:02x}{:02x}{:02x}\"", what, c & 0xff, (c >> 8) & 0xff, (c >> 16) & 0xff);
  const std::uint32_t alpha = c >> 24;
  if (alpha != 255) s += fmt::format(" {}-opacity=\"{}\"", what, n(static_cast<float>(alpha) / 255.0f));
  return s;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) out += c;
    }
  return out;
}

}  // namespace

std::string base64(std::string_view bytes) {
  static constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k) word = (word << 8) | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += i + k <= bytes.size() ? kLetters[(word >> (18 - 6 * k)) & 63] : '=';
  }
  return out;
}

Svg::Svg(float x, float y, float width, float height, std::uint32_t background) {
  head_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{2}\" height=\"{3}\" viewBox=\"{0} {1} {2} {3}\" font-family=\"DejaVu Sans, "
      "Verdana, sans-serif\">\n",
      n(x), n(y), n(width), n(height));
  rectangle(x, y, width, height, background, 0);
}

void Svg::rectangle(float x, float y, float w, float h, std::uint32_t colour, float rounding) {
  const std::string round = rounding > 0 ? fmt::format(" rx=\"{}\"", n(rounding)) : "";
  fmt::format_to(std::back_inserter(body_), "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}{}/>\n", n(x), n(y), n(w), n(h), round,
                 paint("fill", colour));
}

void Svg::outline(float x, float y, float w, float h, std::uint32_t colour, float thickness, float rounding) {
  const std::string round = rounding > 0 ? fmt::format(" rx=\"{}\"", n(rounding)) : "";
  fmt::format_to(std::back_inserter(body_), "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{} fill=\"none\" stroke-width=\"{}\"{}/>\n",
                 n(x + 0.5f), n(y + 0.5f), n(std::fmax(0.0f, w - 1)), n(std::fmax(0.0f, h - 1)), round, n(thickness),
                 paint("stroke", colour));
}

void Svg::line(float x0, float y0, float x1, float y1, std::uint32_t colour, float thickness) {
  polyline({{x0, y0}, {x1, y1}}, colour, thickness);
}

void Svg::polyline(const std::vector<std::pair<float, float>>& points, std::uint32_t colour, float thickness) {
  std::string list;
  for (const auto& [x, y] : points) list += (list.empty() ? "" : " ") + n(x) + "," + n(y);
  fmt::format_to(std::back_inserter(body_), "<polyline points=\"{}\" fill=\"none\" stroke-width=\"{}\" stroke-linejoin=\"round\"{}/>\n",
                 list, n(thickness), paint("stroke", colour));
}

void Svg::text(float x, float top, float width, float size, std::string_view letters, std::uint32_t colour, bool bold) {
  fmt::format_to(
      std::back_inserter(body_),
      "<text x=\"{}\" y=\"{}\" font-size=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\"{}{}>{}</text>\n",
      n(x), n(top + kAscent * size), n(0.86f * size), n(width), bold ? " font-weight=\"bold\"" : "", paint("fill", colour),
      escaped(letters));
}

void Svg::image(float x, float y, float w, float h, std::string_view png) {
  fmt::format_to(std::back_inserter(body_),
                 "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" "
                 "href=\"data:image/png;base64,{}\"/>\n",
                 n(x), n(y), n(w), n(h), base64(png));
}

std::string Svg::document() const { return head_ + body_ + "</svg>\n"; }

}  // namespace fw::viz
