// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// libFuzzer target: any bytes at all, as a session (they begin with "{") or as a script, are either taken or refused with
// fw::Error, and refused bytes change nothing. What was taken is written as a session that opens again to the same session; its
// text and tables can be made, undone and redone. Numbers of three digits and more are left out: they are slow, not wrong.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/error.h"
#include "viz/model/describe.h"
#include "viz/model/session.h"
#include "viz/model/tables.h"

namespace {

constexpr std::size_t kLongest = 2048;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "view_fuzz: %s\n", what);
  std::abort();
}

/// Three digits in a row that are no decimals: many tokens or channels. Files that a session names are none of ours.
bool left_out(std::string_view text) {
  std::size_t digits = 0;
  bool decimals = false;
  for (char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) decimals = c == '.' && digits > 0;
    digits = digit ? digits + 1 : 0;
    if (digits >= 3 && !decimals) return true;
  }
  return text.find("trace") != std::string_view::npos || text.find("checkpoint") != std::string_view::npos ||
         text.find("\"path") != std::string_view::npos || text.find("\\u") != std::string_view::npos;
}

fw::viz::Document small() {
  fw::viz::Document d;
  d.settings.dk = 4;
  d.settings.dv = 3;
  d.commands = fw::viz::parse_script("Ana=red\nBo=blue\ndel Ana\nBo?\n");
  return d;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (size > kLongest || left_out(text)) return 0;
  static fw::viz::ViewModel view;
  view.open(small());
  view.options = {};
  view.transport = {};
  view.breakpoints = {};
  view.open(small());
  const std::string before = fw::viz::session_text(view);
  try {
    if (!text.empty() && text[0] == '{')
      fw::viz::open_session(view, text, "fuzz");
    else
      view.run_script(text);
  } catch (const fw::Error&) {
    require(fw::viz::session_text(view) == before, "what was refused has changed the view");
    return 0;
  }
  const std::string after = fw::viz::session_text(view);
  require(!fw::viz::describe(view).empty(), "no text");
  for (const char* panel : {"memory", "step", "gates", "associations", "impact", "attention", "spectrum", "gauges"})
    require(!fw::viz::table_of(view, panel).empty(), "no table");
  if (view.undo()) {
    require(view.redo(), "what was undone cannot be redone");
    require(fw::viz::session_text(view).size() > 0, "no session after redo");
  }
  view.transport.play();
  for (int i = 0; i < 4; ++i) view.tick(0.4);
  fw::viz::open_session(view, after, "written");
  require(fw::viz::session_text(view) == after, "a session that was written is read back as something else");
  return 0;
}
