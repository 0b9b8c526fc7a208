// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/app/pictures.h"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <vector>

#include "core/error.h"
#include "viz/model/describe.h"
#include "viz/model/session.h"
#include "viz/model/tables.h"
#include "viz/panels/registry.h"
#include "viz/raster/animation.h"

namespace fw::viz {
namespace {

constexpr int kMostFrames = 600;

const PanelInfo& panel_of(const std::string& name) {
  const PanelInfo* panel = find_panel(name);
  if (panel == nullptr) throw Error("picture: panel: expected one of " + panel_names() + ", got \"" + name + "\"");
  return *panel;
}

/// The options of a display that holds one panel.
HeadlessOptions options_for(const ViewModel& view, const PanelInfo& panel, const HeadlessOptions& window) {
  HeadlessOptions o = window;
  o.font_size = font_size_for(view, window.width, window.font_size);
  const auto pixels = [&](float letters) { return static_cast<int>(std::ceil((letters + 0.6f) * o.font_size)); };
  o.width = pixels(panel.width);
  o.height = pixels(panel.height);
  return o;
}

/// fastweight-NAME.EXT in the working folder, numbered when that is there already.
std::string free_name(const std::string& stem, const std::string& extension) {
  std::error_code ignored;
  for (int n = 1;; ++n) {
    const std::string path = "fastweight-" + stem + (n > 1 ? "-" + std::to_string(n) : "") + extension;
    if (!std::filesystem::exists(path, ignored)) return path;
  }
}

int whole_number(const std::string& text, int least, int most, const std::string& what) {
  int x = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (code != std::errc() || stop != text.data() + text.size() || x < least || x > most)
    throw Error("picture: " + what + ": expected a whole number in [" + std::to_string(least) + "," + std::to_string(most) + "], got \"" +
                text + "\"");
  return x;
}

}  // namespace

Image panel_picture(ViewModel& view, const std::string& panel, const HeadlessOptions& options) {
  Headless window(options_for(view, panel_of(panel), options));
  window.settle(view, panel.c_str());
  return window.picture(view.options.theme);
}

std::string panel_svg(ViewModel& view, const std::string& panel, const HeadlessOptions& options) {
  HeadlessOptions o = options_for(view, panel_of(panel), options);
  o.scale = 1;
  Headless window(o);
  window.settle(view, panel.c_str());
  Svg svg(0, 0, static_cast<float>(o.width), static_cast<float>(o.height), palette_of(view.options.theme).window);
  window.frame(view, panel.c_str(), &svg);
  return svg.document();
}

int write_panels(ViewModel& view, const std::string& folder, const HeadlessOptions& options) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) throw Error("picture: panels: expected a folder that can be made, got " + folder + " (" + code.message() + ")");
  int written = 0;
  for (const PanelInfo& panel : panel_list()) {
    const std::string stem = folder + "/" + panel.name;
    write_whole(stem + ".png", png_bytes(panel_picture(view, panel.name, options)));
    write_whole(stem + ".svg", panel_svg(view, panel.name, options));
    written += 2;
    if (!has_table(panel.name)) continue;
    write_whole(stem + ".csv", table_of(view, panel.name));
    ++written;
  }
  return written;
}

void write_animation(ViewModel& view, const std::string& path, const HeadlessOptions& options, int first, int last, double seconds) {
  const int T = view.length();
  if (first < 0 || last < first || last > T)
    throw Error("picture: animate: expected tokens 0 <= first <= last <= " + std::to_string(T) + ", got " + std::to_string(first) +
                " and " + std::to_string(last));
  if (last - first >= kMostFrames)
    throw Error("picture: animate: expected at most " + std::to_string(kMostFrames) + " tokens, got " + std::to_string(last - first + 1));
  const Transport before = view.transport;
  HeadlessOptions o = options;
  o.font_size = font_size_for(view, options.width, options.font_size);
  Headless window(o);
  std::vector<AnimationFrame> frames;
  for (int t = first; t <= last; ++t) {
    view.transport.go(t);
    for (int i = 0; i < (t == first ? 3 : 2); ++i) window.frame(view);
    frames.push_back({window.picture(view.options.theme), static_cast<int>(std::lround(1000 * seconds))});
  }
  frames.back().milliseconds = std::min(60000, 3 * frames.back().milliseconds);
  view.transport = before;
  write_whole(path, apng_bytes(frames));
}

bool is_picture_command(std::string_view line) {
  const std::string_view verb = line.substr(0, line.find_first_of(" \t"));
  return verb == "csv" || verb == "png" || verb == "svg" || verb == "animate";
}

std::string run_picture_command(ViewModel& view, std::string_view line, const HeadlessOptions& options) {
  std::istringstream in{std::string(line)};
  std::string verb;
  in >> verb;
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  std::string path, panel;
  std::vector<std::string> numbers;
  for (const std::string& word : words) {
    if (find_panel(word) != nullptr && panel.empty())
      panel = word;
    else if (word.find_first_not_of("0123456789") == std::string::npos)
      numbers.push_back(word);
    else if (path.empty())
      path = word;
    else
      throw Error("picture: " + verb + ": expected a file, a panel (" + panel_names() + ") and numbers, got \"" + word + "\"");
  }
  const std::size_t most = verb == "png" ? 1 : verb == "animate" ? 2 : 0;
  if (numbers.size() > most)
    throw Error("picture: " + verb + ": expected at most " + std::to_string(most) + " numbers, got " + std::to_string(numbers.size()));
  if (path.empty()) path = free_name(panel.empty() ? "window" : panel, verb == "animate" ? ".png" : "." + verb);
  HeadlessOptions o = options;
  if (verb == "png") {
    if (!numbers.empty()) o.scale = whole_number(numbers[0], 1, 4, "scale");
    write_whole(path, png_bytes(panel.empty() ? screenshot(view, o) : panel_picture(view, panel, o)));
  } else if (verb == "svg") {
    if (panel.empty()) throw Error("picture: svg: expected a panel (" + panel_names() + "), got none");
    write_whole(path, panel_svg(view, panel, o));
  } else if (verb == "csv") {
    write_whole(path, panel.empty() ? csv_of(view) : table_of(view, panel));
  } else {
    const int T = view.length(), first = numbers.empty() ? 0 : whole_number(numbers[0], 0, T, "first");
    write_animation(view, path, o, first,
                    numbers.size() < 2 ? std::min(T, first + kMostFrames - 1) : whole_number(numbers[1], 0, T, "last"));
  }
  return "wrote " + path;
}

}  // namespace fw::viz
