// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What keys do. Nothing here draws, so that it works between frames and in tests.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/error.h"
#include "viz/app/main_window.h"
#include "viz/model/course.h"
#include "viz/panels/registry.h"

namespace fw::viz {
namespace {

/// The next preset of the gate collapse after the present one.
void next_preset(ViewModel& view) {
  static constexpr Variant kPresets[] = {Variant::gdn2, Variant::kda,    Variant::gdn,   Variant::delta,
                                         Variant::gla,  Variant::mamba2, Variant::linear};
  Document next = view.document();
  std::size_t at = 0;
  for (std::size_t i = 0; i < std::size(kPresets); ++i)
    if (next.compare && !next.b.morph && next.b.variant == kPresets[i]) at = i + 1;
  next.compare = true;
  next.b.morph = false;
  next.b.variant = kPresets[at % std::size(kPresets)];
  view.change(std::move(next));
}

void choose_panel(PanelState& state, int step, int to) {
  const auto& list = panel_list();
  const int count = static_cast<int>(list.size()), first = 2;  // the two bars are not chosen
  int at = first - 1;
  for (int i = 0; i < count; ++i)
    if (state.chosen == list[static_cast<std::size_t>(i)].name) at = i;
  at = to > 0 ? first + to - 1 : at < first && step < 0 ? count - 1 : first + (at - first + step + count - first) % (count - first);
  state.chosen = list[static_cast<std::size_t>(std::min(at, count - 1))].name;
}

const std::string& subject(const PanelState& state) { return state.pointed.empty() ? state.chosen : state.pointed; }

void resize_letters(ViewModel& view, float em, int step) {
  const double now = view.options.font > 0 ? view.options.font : static_cast<double>(em);
  view.options.font = step == 0 ? 0 : std::clamp(std::round(now) + step, 8.0, 48.0);
}

void obey(ViewModel& view, PanelState& state, Key key, bool shift) {
  Transport& time = view.transport;
  ViewOptions& o = view.options;
  switch (key) {
    case Key::space: view.toggle(); break;
    case Key::left: time.step(shift ? -10 : -1); break;
    case Key::right: view.step(shift ? 10 : 1); break;
    case Key::home: time.to_start(); break;
    case Key::end: time.to_end(); break;
    case Key::comma: time.sub_step(-1); break;
    case Key::period: time.sub_step(1); break;
    case Key::escape: view.give_up(), view.selection.unlock(), state.message.clear(), state.reading.clear(), state.chosen.clear(); break;
    case Key::slash: state.focus_command = true; break;
    case Key::undo: view.undo(); break;
    case Key::redo: view.redo(); break;
    case Key::fork: view.fork(); break;
    case Key::log_scale: o.root_scale = !o.root_scale; break;
    case Key::map: o.map = static_cast<Map>((static_cast<int>(o.map) + 1) % (view.b() ? 6 : 5)); break;
    case Key::theme: o.theme = o.theme == Theme::light ? Theme::dark : Theme::light; break;
    case Key::a: o.heads = o.heads == Heads::a ? Heads::both : Heads::a; break;
    case Key::b:
      if (shift) o.heads = o.heads == Heads::b ? Heads::both : Heads::b;
      break;
    case Key::d: o.map = o.map == Map::compare || view.b() == nullptr ? Map::state : Map::compare; break;
    case Key::normalise: o.run_range = !o.run_range; break;
    case Key::presets: next_preset(view); break;
    case Key::picture: state.picture_wanted = shift || subject(state).empty() ? "png" : "png " + subject(state); break;
    case Key::csv: state.picture_wanted = shift || subject(state).empty() ? "csv" : "csv " + subject(state); break;
    case Key::copy:
      state.message = state.hint.empty() ? "nothing is under the pointer" : "copied: " + state.hint;
      state.refused = false;
      if (!state.hint.empty()) state.picture_wanted = "copy";
      break;
    case Key::help: state.reading = state.reading == subject(state) ? std::string() : subject(state); break;
    case Key::tab: choose_panel(state, shift ? -1 : 1, 0); break;
    case Key::bigger: resize_letters(view, state.em, 1); break;
    case Key::smaller: resize_letters(view, state.em, -1); break;
    case Key::reset:
      resize_letters(view, 0, 0), o.classroom = false, o.front.clear(), o.zoom = {}, state.reading.clear(), state.chosen.clear();
      break;
    case Key::lessons:
      if (state.course != nullptr) state.course->open() ? state.course->leave(view) : state.course->show_list(view);
      break;
    case Key::classroom: o.classroom = !o.classroom; break;
    case Key::up: view.move_head(0, -1); break;
    case Key::down: view.move_head(0, 1); break;
    case Key::page_up: view.move_head(-1, 0); break;
    case Key::page_down: view.move_head(1, 0); break;
    case Key::half_life: o.half_life = !o.half_life; break;
    case Key::history: state.chosen = state.chosen == "history" ? "readout" : "history"; break;
    case Key::sort_rows: next_row_order(view); break;
    case Key::sort_facts: next_fact_order(view); break;
    default: choose_panel(state, 0, static_cast<int>(key) - static_cast<int>(Key::panel_1) + 1);
  }
}

}  // namespace

void press(ViewModel& view, PanelState& state, Key key, bool shift) {
  try {
    obey(view, state, key, shift);
  } catch (const std::exception& error) {
    state.message = error.what();
    state.refused = true;
  }
}

bool play(ViewModel& view, PanelState& state, double seconds) {
  const auto refuse = [&](const std::exception& error) {
    state.message = error.what();
    state.refused = true;
    return true;
  };
  bool changed = false;
  try {
    changed = view.poll();
  } catch (const std::exception& error) {
    changed = refuse(error);
  }
  try {
    return view.tick(seconds) || changed;
  } catch (const std::exception& error) {
    view.transport.pause();
    return refuse(error);
  }
}

}  // namespace fw::viz
