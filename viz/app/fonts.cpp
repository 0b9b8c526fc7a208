// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/app/fonts.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "core/error.h"

namespace fw::viz {
namespace {

/// Pairs of first and last, ended by zero, as ImGui wants them; must outlive the atlas.
constexpr ImWchar kRanges[] = {0x0020, 0x00FF, 0x0370, 0x03FF, 0x1D2C, 0x1D7F, 0x2010, 0x2027, 0x2070, 0x209F, 0x2190,
                               0x21FF, 0x2200, 0x22FF, 0x25A0, 0x25FF, 0x2700, 0x27BF, 0x2C7C, 0x2C7D, 0};
constexpr const char* kFolders[] = {"/usr/share/fonts/truetype/dejavu",   "/usr/share/fonts/dejavu",
                                    "/usr/share/fonts/dejavu-sans-fonts", "/usr/share/fonts/TTF",
                                    "/usr/local/share/fonts/dejavu",      "/Library/Fonts"};

bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

std::filesystem::path find_font(const std::string& wanted) {
  if (!wanted.empty()) {
    if (!is_file(wanted)) throw Error("fonts: font: expected a TrueType file, got " + wanted);
    return wanted;
  }
  if (const char* named = std::getenv("FASTWEIGHT_FONT"); named != nullptr && *named != '\0') return find_font(named);
  for (const char* folder : kFolders)
    if (const auto path = std::filesystem::path(folder) / "DejaVuSans.ttf"; is_file(path)) return path;
  return {};
}

}  // namespace

Fonts load_fonts(float size, const std::string& wanted) {
  Fonts out;
  out.size = size;
  out.small_size = std::floor(0.86f * size + 0.5f);
  ImFontAtlas& atlas = *ImGui::GetIO().Fonts;
  const std::filesystem::path path = find_font(wanted);
  if (path.empty()) {
    ImFontConfig config;
    config.SizePixels = size;
    out.regular = out.small = out.bold = atlas.AddFontDefault(&config);
    out.small_size = size;
    return out;
  }
  ImFontConfig config;
  config.OversampleH = 2;
  config.OversampleV = 1;
  config.PixelSnapH = true;
  const auto bold = path.parent_path() / (path.stem().string() + "-Bold.ttf");
  out.regular = atlas.AddFontFromFileTTF(path.string().c_str(), size, &config, kRanges);
  out.small = atlas.AddFontFromFileTTF(path.string().c_str(), out.small_size, &config, kRanges);
  out.bold = is_file(bold) ? atlas.AddFontFromFileTTF(bold.string().c_str(), size, &config, kRanges) : out.regular;
  if (out.regular == nullptr || out.small == nullptr) throw Error("fonts: font: expected a TrueType file, got " + path.string());
  out.greek = true;
  return out;
}

const std::vector<unsigned>& used_code_points() {
  static const std::vector<unsigned> points = {0x3B1,  0x3B2,  0x3C3,  0x3A3,  0x394,  0x1D40, 0x2026, 0x2081, 0x2190,
                                               0x2192, 0x2212, 0x2260, 0x22A5, 0x25B6, 0x25C0, 0x2713, 0x2717};
  return points;
}

}  // namespace fw::viz
