// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/prose.h"

#include <algorithm>

#include "core/error.h"

namespace fw::viz {
namespace {

[[noreturn]] void refuse(const std::string& expected, std::string_view got) {
  throw Error("prose: expected " + expected + ", got \"" + std::string(got.substr(0, 40)) + "\"");
}

}  // namespace

const std::vector<std::string>& lesson_targets() {
  static const std::vector<std::string> names = {"bar",    "ribbon",  "memory",    "step",      "gates",        "associations", "recall",
                                                 "impact", "readout", "attention", "retention", "interference", "spectrum",     "gauges"};
  return names;
}

bool is_panel(std::string_view name) { return std::find(lesson_targets().begin(), lesson_targets().end(), name) != lesson_targets().end(); }

bool is_bottom_panel(std::string_view name) {
  return name == "attention" || name == "retention" || name == "interference" || name == "spectrum" || name == "gauges";
}

Prose parse_prose(std::string_view text) {
  Prose out;
  const auto plain_until = [&](std::size_t n) {
    if (n > 0) out.push_back({ProseSpan::Kind::text, std::string(text.substr(0, n)), {}});
    text.remove_prefix(n);
  };
  while (!text.empty()) {
    const std::size_t mark = std::min({text.find("[["), text.find('{'), text.size()});
    plain_until(mark);
    if (text.empty()) break;
    const bool panel = text[0] == '[';
    const std::size_t end = text.find(panel ? "]]" : "}");
    if (end == std::string_view::npos) refuse(panel ? "\"]]\" after \"[[\"" : "\"}\" after \"{\"", text);
    const std::string_view inside = text.substr(panel ? 2 : 1, end - (panel ? 2 : 1));
    if (panel) {
      const std::size_t bar = inside.find('|');
      if (bar == std::string_view::npos || bar + 1 == inside.size()) refuse("[[panel|words]]", text);
      if (!is_panel(inside.substr(0, bar))) refuse("the name of a panel", inside.substr(0, bar));
      out.push_back({ProseSpan::Kind::panel, std::string(inside.substr(bar + 1)), std::string(inside.substr(0, bar))});
    } else {
      if (inside.empty()) refuse("a number's name between { and }", text);
      out.push_back({ProseSpan::Kind::number, std::string(inside), {}});
    }
    text.remove_prefix(end + (panel ? 2 : 1));
  }
  return out;
}

std::string plain(const Prose& prose) {
  std::string out;
  for (const ProseSpan& span : prose) out += span.text;
  return out;
}

}  // namespace fw::viz
