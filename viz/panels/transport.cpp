// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "core/error.h"
#include "viz/model/course.h"
#include "viz/model/files.h"
#include "viz/panels/registry.h"

namespace fw::viz {
namespace {

struct Choice {
  const char* name;
  Variant variant;
};
constexpr Choice kRules[] = {{"GDN-2", Variant::gdn2},
                             {"GDN-2 erase", Variant::gdn2_erase},
                             {"GDN-2 write", Variant::gdn2_write},
                             {"KDA", Variant::kda},
                             {"GDN", Variant::gdn},
                             {"DeltaNet", Variant::delta},
                             {"GLA", Variant::gla},
                             {"Mamba-2", Variant::mamba2},
                             {"Linear", Variant::linear}};

/// A letter in the head's colour and a list of rules; B can be off and has the morph of the sliders.
void head_choice(Ui& ui, Rect r, bool b) {
  const Palette& c = ui.colours();
  const Document& d = ui.view.document();
  const Head& head = b ? d.b : d.a;
  text(ui, r.cut_left(1.0f * ui.em), b ? "B" : "A", b ? c.head_b : c.head_a, Face::bold, Align::centre);
  const std::string shown = b && !d.compare ? "off" : short_name(head);
  const char* id = b ? "rule of B" : "rule of A";
  if (button(ui, r, id, shown)) ImGui::OpenPopup(b ? "rules of B" : "rules of A");
  if (!ImGui::BeginPopup(b ? "rules of B" : "rules of A")) return;
  Document next = d;
  Head& to = b ? next.b : next.a;
  for (const Choice& rule : kRules)
    if (ImGui::MenuItem(rule.name, nullptr, !head.morph && head.variant == rule.variant && (!b || d.compare))) {
      to.morph = false, to.variant = rule.variant;
      if (b) next.compare = true;
    }
  if (b && ImGui::MenuItem("morph (sliders)", nullptr, head.morph && d.compare)) to.morph = next.compare = true;
  if (b && ImGui::MenuItem("off", nullptr, !d.compare)) next.compare = false;
  ImGui::EndPopup();
  ui.view.change(std::move(next));
}

template <class F>
void attempt(Ui& ui, F&& command) {
  try {
    command();
  } catch (const std::exception& error) {
    ui.state.message = error.what();
    ui.state.refused = true;
  }
}

/// Layer and head of a model or its trace, at the ribbon's left end; returns what is left of the ribbon.
Rect head_selectors(Ui& ui, Rect r) {
  const Stack stack = ui.view.stack();
  if (stack.layers.empty()) return r;
  const float em = ui.em;
  Rect place = r.cut_left(8.2f * em, 0.4f * em);
  const auto select = [&](Rect row, const char* what, int shown, const std::vector<int>& all, bool head) {
    text(ui, row.cut_left(2.9f * em), what, ui.colours().muted, Face::small);
    const std::string of = std::to_string(shown) + (all.size() > 1 ? "   (0-" + std::to_string(all.back()) + ")" : "");
    if (all.size() < 2)
      text(ui, row, of, ui.colours().text, Face::small, Align::centre);
    else if (button(ui, row, what, of))
      ImGui::OpenPopup(what);
    if (ui.hovered(row))
      ui.hint =
          head ? "head of this layer: up and down keys, or \"head N\"" : "layer of the stack: page up and page down keys, or \"layer N\"";
    if (!ImGui::BeginPopup(what)) return;
    for (const int n : all)
      if (ImGui::MenuItem((std::string(what) + " " + std::to_string(n)).c_str(), nullptr, n == shown))
        attempt(ui, [&] { head ? ui.view.show_head(stack.layer, n) : ui.view.show_head(n, std::min(stack.head, stack.heads - 1)); });
    ImGui::EndPopup();
  };
  std::vector<int> heads(static_cast<std::size_t>(stack.heads));
  std::iota(heads.begin(), heads.end(), 0);
  const float half = std::floor(0.5f * (place.h - 0.15f * em));
  select(place.cut_top(half, 0.15f * em), "layer", stack.layer, stack.layers, false);
  select(place, "head", stack.head, heads, true);
  return r;
}

/// The words of the box that are about panels and pictures; true when it was one of them. "help [PANEL]" opens how to read it, "focus
/// PANEL" brings it to the front, "help" alone lists the words; pictures are carried out between frames.
bool panel_command(Ui& ui, const std::string& line) {
  const std::size_t blank = line.find(' ');
  const std::string verb = line.substr(0, blank), rest = blank == std::string::npos ? std::string() : line.substr(blank + 1);
  if (verb == "png" || verb == "svg" || verb == "animate" || verb == "csv" || line == "copy") {
    ui.state.picture_wanted = line;
    return true;
  }
  if (line == "gates a" || line == "gates b") {
    ui.view.options.gates_of_b = line == "gates b";
    return true;
  }
  if (verb != "help" && verb != "focus") return false;
  if (verb == "help" && rest.empty()) {
    ui.state.message =
        "Ana=red  del Ana  Ana?  gate b[0:8]=0.2  S[3,5]=0.1  go  step  play  loop  stop  set  zoom  undo  history  fork  lock  "
        "png  svg  csv  animate  save  open  trace  focus PANEL  help PANEL";
    return true;
  }
  const PanelInfo* panel = find_panel(rest);
  if (panel == nullptr) throw Error(verb + ": expected one of " + panel_names() + ", got \"" + rest + "\"");
  (verb == "help" ? ui.state.reading : ui.state.chosen) = panel->name;
  return true;
}

}  // namespace

void command_box(Ui& ui, Rect r) {
  const Rect apply = r.cut_right(4.2f * ui.em, 0.4f * ui.em);
  ImGui::SetCursorScreenPos(ImVec2(r.x, r.y));
  ImGui::SetNextItemWidth(r.w);
  if (ui.state.focus_command) ImGui::SetKeyboardFocusHere();
  ui.state.focus_command = false;
  const std::string example = fitting(ui, r.w - 1.2f * ui.em,
                                      {"Ana=red   del Ana   Ana?   go 5   set b gdn", "Ana=red   del Ana   Ana?   go 5",
                                       "Ana=red   del Ana   Ana?", "Ana=red   Ana?", "Ana=red", ""},
                                      Face::regular);
  bool entered = ImGui::InputTextWithHint("##command", example.c_str(), ui.state.command, sizeof ui.state.command,
                                          ImGuiInputTextFlags_EnterReturnsTrue);
  entered = button(ui, apply, "apply", "Enter") || entered;
  if (!entered) return;
  attempt(ui, [&] {
    const std::string line = ui.state.command;
    ui.state.message.clear();
    if (ui.state.course) ui.state.message = run_lesson_command(*ui.state.course, ui.view, line);
    if (!ui.state.message.empty() || panel_command(ui, line))
      ;
    else if (ui.state.message = run_file_command(ui.view, line); ui.state.message.empty())
      ui.view.enter(line);
    ui.state.refused = false;
    ui.state.command[0] = '\0';
  });
  ui.state.focus_command = true;
}

Span visible_tokens(const Ui& ui, int most) {
  const int T = ui.view.length(), count = std::min(T, most);
  const int first = std::clamp(ui.view.transport.t() - count / 2, 0, std::max(0, T - count));
  return {first, count};
}

void transport_bar(Ui& ui, const Rect& whole) {
  const Palette& c = ui.colours();
  Transport& time = ui.view.transport;
  const float em = ui.em, gap = 0.25f * em;
  Rect second = whole, r = second;
  const bool two_rows = whole.h > 2.5f * em;
  if (two_rows) r = second.cut_top(std::floor(1.8f * em), whole.h - 2 * std::floor(1.8f * em));
  if (button(ui, r.cut_left(1.9f * em, gap), "start", ui.sign("|\xe2\x97\x80", "|<"))) time.to_start();
  if (button(ui, r.cut_left(1.9f * em, gap), "back", ui.sign("\xe2\x97\x80", "<"))) time.step(-1);
  if (button(ui, r.cut_left(3.6f * em, gap), "play", time.playing() ? "Pause" : "Play", time.playing()))
    attempt(ui, [&] { ui.view.toggle(); });
  if (button(ui, r.cut_left(1.9f * em, gap), "forward", ui.sign("\xe2\x96\xb6", ">"))) attempt(ui, [&] { ui.view.step(1); });
  if (button(ui, r.cut_left(1.9f * em, 2 * gap), "end", ui.sign("\xe2\x96\xb6|", ">|"))) time.to_end();

  const std::string now = "t " + std::to_string(time.t()) + " / " + std::to_string(ui.view.length());
  text(ui, r.cut_left(std::max(4.6f * em, text_width(ui, now) + 2), gap), now, c.text, Face::regular);
  double at = time.t();
  if (slider(ui, r.cut_left(std::max(6.0f * em, 0.13f * whole.w), 3 * gap), "scrub", at, 0, std::max(1, ui.view.length()), c.accent)) {
    time.pause();
    time.go(static_cast<int>(std::lround(at)));
  }
  static constexpr std::string_view kPhases[] = {"decay", "read", "erase", "write"};
  const int phase = choice(ui, r.cut_left(std::min(15.0f * em, choice_width(ui, kPhases, 4)), 2 * gap), "phase", kPhases, 4,
                           time.t() == 0 ? -1 : static_cast<int>(time.phase()));
  if (phase >= 0) time.pause(), time.go(time.t(), static_cast<Phase>(phase));
  double speed = std::log2(time.speed());
  text(ui, r.cut_left(2.6f * em, 0.5f * em), number(time.speed(), time.speed() < 10 ? 1 : 0) + "/s", c.muted, Face::small, Align::right);
  if (slider(ui, r.cut_left(4.5f * em, 3 * gap), "speed", speed, -1.0, std::log2(60.0), c.decay)) time.set_speed(std::exp2(speed));
  if (two_rows) r = second;
  head_choice(ui, r.cut_left(8.4f * em, 2 * gap), false);
  head_choice(ui, r.cut_left(8.4f * em, 2 * gap), true);
  const int diverged = ui.view.first_divergence();
  if (button(ui, r.cut_left(5.2f * em, 2 * gap), "diverge",
             ui.sign("A\xe2\x89\xa0"
                     "B",
                     "A/B") +
                 (diverged < 0 ? std::string() : " t=" + std::to_string(diverged)),
             false, diverged >= 0)) {
    time.pause();
    time.go(diverged);
  }
  if (Course* room = ui.state.course.get())
    if (button(ui, r.cut_right(4.6f * em, 2 * gap), "lessons", "Lessons", room->open()))
      room->open() ? room->leave(ui.view) : room->show_list(ui.view);
  if (r.w > 9 * em && !lesson_has_command_box(ui)) command_box(ui, r);
}

namespace {

/// Most words fit; the same all the time, so that chips do not change their size under way.
float chip_width(const Ui& ui, const Timeline& line) {
  std::vector<float> widths;
  const std::size_t step = std::max<std::size_t>(1, line.entries.size() / 64);
  for (std::size_t i = 0; i < line.entries.size(); i += step) {
    const Entry& entry = line.entries[i];
    widths.push_back(text_width(ui, entry.label, Face::small) + (entry.verdict != 0 ? 1.0f : 0.0f) * ui.em);
  }
  if (widths.empty()) return 4.3f * ui.em;
  const auto long_one = widths.begin() + static_cast<std::ptrdiff_t>(widths.size() * 7 / 8);
  std::nth_element(widths.begin(), long_one, widths.end());
  return std::clamp(*long_one + 0.6f * ui.em, 2.4f * ui.em, 6.5f * ui.em);
}

}  // namespace

void ribbon_panel(Ui& ui, const Rect& whole_ribbon) {
  const Palette& c = ui.colours();
  const Rect r = head_selectors(ui, whole_ribbon);
  fill(ui, r, c.panel, 4);
  frame(ui, r, c.border, 1, 4);
  const Run& run = ui.view.a();
  const Span span = visible_tokens(ui, std::max(4, static_cast<int>((r.w - 0.8f * ui.em) / chip_width(ui, run.timeline()))));
  if (span.count == 0) {
    text(ui, r.inset(ui.em, 0), "No tokens yet: type a fact such as Ana=red into the box above.", c.muted);
    return;
  }
  const Rect inside = r.inset(0.4f * ui.em, 0.3f * ui.em);
  const double most = std::max(1e-12, std::max(max_abs(run.series().erase), max_abs(run.series().write)));
  const float width = std::min(inside.w / static_cast<float>(span.count), 8.0f * ui.em);
  const Run* b = ui.view.b();
  const bool branched = ui.view.document().branch.has_value() && b != nullptr;
  for (int n = 0; n < span.count; ++n) {
    const int t = span.first + n + 1;
    const Run& shown = branched && t > ui.view.document().branch->at && t <= b->length() ? *b : run;
    if (t > shown.length()) continue;
    const Entry& entry = shown.timeline().entries[static_cast<std::size_t>(t - 1)];
    Rect chip = Rect{std::floor(inside.x + width * static_cast<float>(n)), inside.y, std::floor(width) - 2, inside.h};
    const Rect whole = chip;
    Rect bars = chip.cut_bottom(0.55f * ui.em, 2);
    const Colour tint = entry.kind == EntryKind::erase     ? c.chip_erase
                        : entry.kind == EntryKind::query   ? c.chip_query
                        : entry.kind == EntryKind::filler  ? c.chip_filler
                        : entry.kind == EntryKind::surgery ? c.chip_surgery
                                                           : c.chip_write;
    fill(ui, chip, tint, 3);
    if (&shown != &run) fill(ui, {chip.x, chip.y, chip.w, 2}, c.head_b);
    Rect word = chip.inset(1, 0);
    if (entry.drawn) fill(ui, {chip.x, chip.y, chip.w, 2}, c.accent);
    if (entry.verdict != 0)
      text(ui, word.cut_right(1.0f * ui.em), entry.verdict > 0 ? ui.sign("\xe2\x9c\x93", "+") : ui.sign("\xe2\x9c\x97", "x"),
           entry.verdict > 0 ? c.text : c.bad, Face::bold, Align::centre);
    text(ui, word, entry.label, c.text, Face::small, Align::centre);
    const auto i = static_cast<std::size_t>(t - 1);
    const float half = std::floor(0.5f * bars.h) - 1;
    fill(ui, {bars.x, bars.y, bars.w * static_cast<float>(shown.series().erase[i] / most), half}, c.erase);
    fill(ui, {bars.x, bars.y + half + 1, bars.w * static_cast<float>(shown.series().write[i] / most), half}, c.write);
    if (t == ui.view.transport.t()) frame(ui, {whole.x - 1, chip.y - 1, whole.w + 2, chip.h + 2}, c.cursor, 1.6f, 3);
    if (ui.hovered(whole)) {
      Focus focus;
      focus.token = t;
      ui.view.selection.hover(focus);
      frame(ui, {whole.x - 1, chip.y - 1, whole.w + 2, chip.h + 2}, c.accent, 1.2f, 3);
      ui.hint = "t=" + std::to_string(t) + "  " + entry.label + "   |erase| = |k r'| = " + number(shown.series().erase[i], 4) +
                "   |write| = |k z'| = " + number(shown.series().write[i], 4) + "   |S| = " + number(shown.series().state[i], 4);
      if (!entry.note.empty())
        ui.hint = "t=" + std::to_string(t) + "  " + entry.label + (entry.drawn ? " (drawn)" : "") + "   " + entry.note +
                  ui.hint.substr(ui.hint.find("   |erase|"));
      if (ImGui::IsMouseClicked(0)) ui.view.transport.pause(), ui.view.transport.go(t);
    }
  }
}

}  // namespace fw::viz
