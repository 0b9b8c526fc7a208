// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// libFuzzer target: any bytes at all, as a session (they begin with "{"), as a lesson (so do they, and say "fastweight_lesson"), as
// a script, or (behind "M") as a script on a trained checkpoint, are either taken or refused with fw::Error, and refused bytes
// change nothing. What was taken is written as a session that opens again to the same session; its text and tables can be made,
// undone and redone; a lesson is gone through from its first card to its last, and leaving it gives the view back as it was.
// Numbers of three digits and more are left out: they are slow, not wrong. Run it where the checkpoints are, at the repository's root.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/error.h"
#include "viz/model/changes.h"
#include "viz/model/course.h"
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

/// The one file a session may name, and how it names it.
constexpr std::string_view kCheckpoint = "notebooks_data/checkpoints/parity_gdn2_neg";
const std::string kNamed = "\"path\":\"" + std::string(kCheckpoint) + "\"";

/// Three digits in a row that are no decimals: many tokens or channels. Other files that a session names are none of ours.
bool left_out(std::string_view text) {
  std::size_t digits = 0;
  bool decimals = false;
  for (char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) decimals = c == '.' && digits > 0;
    digits = digit ? digits + 1 : 0;
    if (digits >= 3 && !decimals) return true;
  }
  std::size_t named = 0, paths = 0;
  for (std::size_t at = 0; (at = text.find(kNamed, at)) != std::string_view::npos; ++at) ++named;
  for (std::size_t at = 0; (at = text.find("\"path", at)) != std::string_view::npos; ++at) ++paths;
  return paths != named || text.find("trace") != std::string_view::npos || text.find("\\u") != std::string_view::npos;
}

fw::viz::Document small() {
  fw::viz::Document d;
  d.settings.dk = 4;
  d.settings.dv = 3;
  d.commands = fw::viz::parse_script("Ana=red\nBo=blue\ndel Ana\nBo?\n");
  return d;
}

/// A lesson from its first card to its last: predictions, tasks and their solutions.
void take(fw::viz::ViewModel& view, std::string_view text) {
  std::vector<fw::viz::Lesson> lessons;
  try {
    lessons.push_back(fw::viz::parse_lesson(text, "fuzz"));
  } catch (const fw::Error&) {
    return;
  }
  const std::string before = fw::viz::session_text(view);
  fw::viz::Course course(std::move(lessons));
  try {
    course.start(view, 0);
    do {
      if (course.card().ask) course.predict(view, course.card().ask->answer);
      require(!fw::viz::describe(course, view).empty(), "no text of a lesson");
      if (course.card().task) course.solve(view), course.ticks(view);
    } while (course.next(view));
    course.back(view);
  } catch (const fw::Error&) {  // a script that does not run
  }
  course.leave(view);
  require(fw::viz::session_text(view) == before, "a lesson has left something behind");
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
  const bool model = !text.empty() && text[0] == 'M';
  if (model) {
    fw::viz::ModelSource source;
    source.path = kCheckpoint;
    source.prompt = "0 1 1";
    view.open_model(source);
  }
  if (text.find("fastweight_lesson") != std::string_view::npos) return take(view, text), 0;
  const std::string before = fw::viz::session_text(view);
  try {
    if (!text.empty() && text[0] == '{')
      fw::viz::open_session(view, text, "fuzz");
    else
      view.run_script(text.substr(model ? 1 : 0));
  } catch (const fw::Error&) {
    require(fw::viz::session_text(view) == before, "what was refused has changed the view");
    return 0;
  }
  const std::string after = fw::viz::session_text(view);
  require(!fw::viz::describe(view).empty(), "no text");
  for (const char* panel : {"memory", "step", "gates", "associations", "impact", "attention", "spectrum", "gauges"})
    require(!fw::viz::table_of(view, panel).empty(), "no table");
  for (int i = 0; i < view.history().count(); ++i) require(!fw::viz::step_text(view.history(), i).empty(), "a step without a name");
  const int last = view.history().position();
  view.revisit(0);
  view.revisit(last);
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
