// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/app/main_window.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "viz/model/course.h"
#include "viz/panels/registry.h"

namespace fw::viz {
namespace {

ImVec4 vec4(Colour c) {
  return ImVec4(static_cast<float>(c & 0xff) / 255.0f, static_cast<float>((c >> 8) & 0xff) / 255.0f,
                static_cast<float>((c >> 16) & 0xff) / 255.0f, static_cast<float>(c >> 24) / 255.0f);
}

constexpr const char* kKeys =
    "Space play \xc2\xb7 \xe2\x86\x90 \xe2\x86\x92 step \xc2\xb7 , . sub-step \xc2\xb7 / command \xc2\xb7 Z Y undo redo \xc2\xb7 "
    "U history \xc2\xb7 F fork \xc2\xb7 M map \xc2\xb7 wheel zoom \xc2\xb7 I lessons \xc2\xb7 P picture \xc2\xb7 E numbers \xc2\xb7 "
    "C copy \xc2\xb7 ? how to read";
constexpr const char* kKeysAscii =
    "Space play, arrows step, comma and period sub-step, / command, Z Y undo redo, U history, wheel zoom, I lessons, ? how to read";

void status_line(Ui& ui, const Rect& r) {
  const Palette& c = ui.colours();
  Rect inside = r.inset(0.5f * ui.em, 0);
  const Document& d = ui.view.document();
  const Timeline& line = ui.view.a().timeline();
  std::string where = std::to_string(line.dk) + " x " + std::to_string(line.dv) + "   ";
  const Stack stack = ui.view.stack();
  if (d.model)
    where += d.model->path.substr(d.model->path.find_last_of('/') + 1) + " layer " + std::to_string(stack.layer) + " head " +
             std::to_string(stack.head);
  else if (d.trace)
    where += d.trace->path.substr(d.trace->path.find_last_of('/') + 1) + " head " + std::to_string(d.trace->head);
  else
    where += "seed " + std::to_string(d.settings.seed);
  const Vec& apart = ui.view.divergence();
  const auto t = static_cast<std::size_t>(ui.view.transport.t());
  if (t < apart.size()) where = "|A-B|/|A| " + number(apart[t], 4) + "   " + where;
  text(ui, inside.cut_right(std::min(0.4f * inside.w, text_width(ui, where, Face::small) + 2), ui.em), where, c.muted, Face::small,
       Align::right);
  if (const auto work = ui.view.working()) {
    const std::string what = work->what + "  " + std::to_string(static_cast<int>(100 * work->done)) + " %";
    const Rect bar{inside.x, std::floor(inside.y + 0.5f * inside.h) - 2, 8 * ui.em, 4};
    fill(ui, bar, c.grid, 2);
    fill(ui, {bar.x, bar.y, bar.w * work->done, bar.h}, c.accent, 2);
    inside.cut_left(bar.w, 0.6f * ui.em);
    inside.cut_left(text(ui, inside, what, c.text, Face::small) + ui.em);
  }
  if (ui.state.refused && !ui.state.message.empty())
    text(ui, inside, ui.state.message, c.bad, Face::small);
  else if (!ui.hint.empty())
    text(ui, inside, ui.hint, c.text, Face::small);
  else if (!ui.view.stopped.empty())
    text(ui, inside, "stopped: " + ui.view.stopped, c.text, Face::small);
  else if (!ui.state.message.empty())
    text(ui, inside, ui.state.message, c.text, Face::small);
  else
    text(ui, inside, ui.sign(kKeys, kKeysAscii), c.muted, Face::small);
}

/// What another card changes about the window; is the lesson's panel shown?
bool prepare_lesson(ViewModel& view, PanelState& state) {
  const Course* room = state.course.get();
  if (room == nullptr || !room->open()) return false;
  const int shown = room->in_lesson() ? room->shown() : 0;
  if (state.bottom.empty() || shown != state.lesson_shown) {
    state.lesson_shown = shown;
    state.lesson_scroll = 0;
    if (room->in_lesson()) view.options.front.clear();  // a card decides itself what lies in front
    state.bottom = room->in_lesson() ? room->lesson().panels : std::vector<std::string>{"retention", "spectrum", "gauges"};
    point_at(state, room->in_lesson() ? room->card().focus : std::vector<std::string>{});
  }
  return true;
}

/// Outlines of the panels a lesson points at. They swell and fade once a second, or stand still when motion is reduced.
void light_up(Ui& ui, const Places& at) {
  PanelState& state = ui.state;
  const Palette& c = ui.colours();
  const auto outline = [&](const std::string& name, float strength) {
    if (const Rect* r = at.find(name))
      frame(ui, {r->x - 1, r->y - 1, r->w + 2, r->h + 2}, faded(c.accent, static_cast<std::uint32_t>(255 * strength)), 3, 5);
  };
  if (state.lit_for > 0) {
    const float phase = (kLitSeconds - state.lit_for) * 6.2831853f;
    for (const std::string& name : state.lit) outline(name, ui.view.options.reduced_motion ? 1.0f : 0.6f + 0.4f * std::cos(phase));
    state.lit_for -= std::min(0.1f, ImGui::GetIO().DeltaTime);
  }
  if (!state.mentioned.empty()) outline(state.mentioned, 1.0f);
}

}  // namespace

namespace {

/// Panels in the order in which they are drawn, with their places; those of one place lie behind each other in this order.
struct Placed {
  const char* panel;
  Rect Places::*where;
};
constexpr Placed kPlaced[] = {{"bar", &Places::bar},
                              {"ribbon", &Places::ribbon},
                              {"memory", &Places::state},
                              {"step", &Places::step},
                              {"gates", &Places::gates},
                              {"associations", &Places::associations},
                              {"recall", &Places::recall},
                              {"impact", &Places::impact},
                              {"readout", &Places::readout},
                              {"history", &Places::history},
                              {"attention", &Places::attention},
                              {"retention", &Places::retention},
                              {"interference", &Places::interference},
                              {"spectrum", &Places::spectrum},
                              {"gauges", &Places::gauges},
                              {"collapse", &Places::collapse}};

Rect& place_of(Places& places, std::string_view panel) {
  for (const Placed& p : kPlaced)
    if (panel == p.panel) return places.*p.where;
  return places.gauges;
}

/// The panels of the bottom row beside each other; where there is no room for that, two share a place.
void bottom_row(Places& out, Rect below, const std::vector<std::string>& names, bool narrow, float gap) {
  const std::size_t each = narrow && names.size() > 3 ? 2 : 1, count = (names.size() + each - 1) / each;
  const float share = std::floor((below.w - gap * static_cast<float>(count - 1)) / static_cast<float>(count));
  Rect place;
  for (std::size_t n = 0; n < names.size(); ++n) {
    if (n % each == 0) place = below.cut_left(n + each >= names.size() ? below.w : share, gap);
    place_of(out, names[n]) = place;
  }
}

}  // namespace

const Rect* Places::find(std::string_view panel) const {
  for (const Placed& p : kPlaced)
    if (panel == p.panel) return (this->*p.where).w > 0 ? &(this->*p.where) : nullptr;
  return nullptr;
}

Places places_for(float width, float height, float em, int facts, bool classroom, const std::vector<std::string>* bottom) {
  Places out;
  const float gap = std::floor(0.45f * em);
  Rect all{gap, gap, width - 2 * gap, height - 2 * gap};
  // Where it does not fit beside itself the bar takes two rows.
  const float row = std::floor(1.8f * em);
  out.bar = all.cut_top(all.w < 84.0f * em ? 2 * row + gap : row, gap);
  out.ribbon = all.cut_top(std::floor(2.9f * em), gap);
  out.status = all.cut_bottom(std::floor(1.4f * em), std::floor(0.3f * em));
  if (bottom != nullptr) out.lesson = all.cut_left(std::floor(std::min(25.0f * em, 0.4f * all.w)), gap);
  const float table = (3.4f + 1.6f * static_cast<float>(std::max(facts, 4))) * em;
  if (classroom) {
    out.state = all.cut_left(std::floor(0.5f * all.w), gap);
    out.associations = all.cut_top(std::floor(std::min(0.6f * all.h, table)), gap);
    out.gates = all;
    return out;
  }
  const bool narrow = all.w < 62.0f * em;
  const std::vector<std::string> usual = {"attention", "retention", "interference", "spectrum", "gauges"};
  bottom_row(out, all.cut_bottom(std::floor(std::min(0.31f * all.h, 19.0f * em)), gap), bottom != nullptr ? *bottom : usual, narrow, gap);
  Rect left = all.cut_left(std::floor(all.w * (narrow ? 0.5f : 0.37f)), gap), right = all;
  if (narrow) {
    // Two columns: gates lie behind the memory, and all about one fact or token behind each other.
    out.step = left.cut_bottom(std::floor(std::min(std::max(0.36f * left.h, 11.0f * em), 0.55f * left.h)), gap);
    out.state = out.gates = left;
    if (bottom == nullptr) out.collapse = right.cut_bottom(std::floor(std::min(9.0f * em, 0.42f * right.h)), gap);
    out.recall = right.cut_bottom(std::floor(std::clamp(right.h - table, 0.4f * right.h, 0.6f * right.h)), gap);
    out.impact = out.readout = out.history = out.recall;
    out.associations = right;
    return out;
  }
  Rect middle = right.cut_left(std::floor(right.w * 0.47f), gap);
  out.step = left.cut_bottom(std::floor(std::max(0.36f * left.h, 11.0f * em)), gap);
  out.state = left;
  if (bottom == nullptr) out.collapse = middle.cut_bottom(std::floor((middle.w < 27.0f * em ? 9.0f : 7.4f) * em), gap);
  out.gates = middle;
  out.readout = out.history = right.cut_bottom(std::floor(std::min(0.32f * right.h, 11.0f * em)), gap);
  Rect charts = right.cut_bottom(std::floor(std::max(std::min(right.h - table, 18.0f * em), std::min(6.5f * em, 0.35f * right.h))), gap);
  out.impact = charts;
  if (charts.h > 12.0f * em) out.impact = charts.cut_bottom(std::floor(0.5f * charts.h), gap);
  out.recall = charts;
  out.associations = right;
  return out;
}

void apply_theme(Theme theme, float em) {
  const Palette& c = palette_of(theme);
  theme == Theme::dark ? ImGui::StyleColorsDark() : ImGui::StyleColorsLight();
  ImGuiStyle& style = ImGui::GetStyle();
  style.FramePadding = ImVec2(0.4f * em, 0.5f * (std::floor(1.8f * em) - em));
  style.FrameRounding = style.PopupRounding = 3;
  style.FrameBorderSize = 1;
  const std::pair<ImGuiCol, Colour> colours[] = {{ImGuiCol_Text, c.text},
                                                 {ImGuiCol_TextDisabled, c.muted},
                                                 {ImGuiCol_WindowBg, c.window},
                                                 {ImGuiCol_PopupBg, c.panel},
                                                 {ImGuiCol_Border, c.border},
                                                 {ImGuiCol_FrameBg, c.panel},
                                                 {ImGuiCol_FrameBgHovered, c.panel},
                                                 {ImGuiCol_FrameBgActive, c.panel},
                                                 {ImGuiCol_HeaderHovered, faded(c.accent, 70)},
                                                 {ImGuiCol_Header, faded(c.accent, 50)},
                                                 {ImGuiCol_TextSelectedBg, faded(c.accent, 90)}};
  for (const auto& [what, colour] : colours) style.Colors[what] = vec4(colour);
}

namespace {

/// The one ImGui window over the whole display; ended by PopStyleVar and End.
void begin(ViewModel& view, const ImVec2& size, float em) {
  view.selection.begin_frame();
  apply_theme(view.options.theme, em);
  ImGui::SetNextWindowPos(ImVec2(0, 0));
  ImGui::SetNextWindowSize(size);
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(0, 0));
  ImGui::PushStyleVar(ImGuiStyleVar_WindowRounding, 0.0f);
  ImGui::PushStyleVar(ImGuiStyleVar_WindowBorderSize, 0.0f);
  ImGui::Begin("fastweight", nullptr,
               ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings |
                   ImGuiWindowFlags_NoBringToFrontOnFocus | ImGuiWindowFlags_NoScrollWithMouse);
  ImGui::PopStyleVar(3);
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(0.5f * em, 0.5f * em));
}

bool holds(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Of the panels of one place this one stands in front from now on.
void to_front(std::vector<std::string>& fronts, const std::vector<const char*>& names, std::size_t front) {
  for (const char* name : names) fronts.erase(std::remove(fronts.begin(), fronts.end(), name), fronts.end());
  if (front > 0) fronts.emplace_back(names[front]);
}

/// One panel, or several of which the tabs at the right end of the title bring one to the front.
void place_of_panels(Ui& ui, const Rect& where, const std::vector<const char*>& names) {
  PanelState& state = ui.state;
  std::vector<std::string>& fronts = ui.view.options.front;
  std::size_t front = 0;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (holds(fronts, names[i])) front = i;
  const std::size_t before = front;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (state.chosen == names[i] || holds(state.bring, names[i])) front = i;
  if (front != before) to_front(fronts, names, front);
  if (names.size() < 2) return draw_panel(ui, *find_panel(names[0]), where);
  const std::vector<std::string_view> titles(names.begin(), names.end());
  const int count = static_cast<int>(titles.size());
  const float width = std::min(choice_width(ui, titles.data(), count) + 0.4f * ui.em, where.w - 3.0f * ui.em);
  draw_panel(ui, *find_panel(names[front]), where, width);
  ImGui::PushID(names[0]);
  const Rect tabs{where.right() - 1.9f * ui.em - width, where.y + 0.35f * ui.em, width, 1.3f * ui.em};
  if (const int picked = choice(ui, tabs, "tabs", titles.data(), count, static_cast<int>(front)); picked >= 0) {
    to_front(fronts, names, static_cast<std::size_t>(picked));
    state.chosen.clear();
  }
  ImGui::PopID();
}

/// Every place with the panels that share it.
void draw_places(Ui& ui, const Places& at) {
  const auto same = [](const Rect& a, const Rect& b) { return a.x == b.x && a.y == b.y && a.w == b.w && a.h == b.h; };
  for (std::size_t n = 0; n < std::size(kPlaced); ++n) {
    const Rect& where = at.*kPlaced[n].where;
    bool drawn = where.w <= 0;
    for (std::size_t i = 0; i < n; ++i) drawn = drawn || same(at.*kPlaced[i].where, where);
    if (drawn) continue;
    std::vector<const char*> names;
    for (const Placed& p : kPlaced)
      if (same(at.*p.where, where)) names.push_back(p.panel);
    place_of_panels(ui, where, names);
  }
  ui.state.bring.clear();
}

/// Has anything changed since the last frame? And a token that playing has left the shown range for is followed.
void look_around(ViewModel& view, PanelState& state) {
  const int t = view.transport.t();
  state.quiet = state.seen_generation == view.generation() && state.seen_t == t;
  state.working = false;
  Range& time = view.options.zoom.time;
  if (state.seen_t >= 0 && state.seen_t != t && time.count > 0 && t > 0 && (t <= time.first || t > time.first + time.count))
    time = moved(time, view.length(), t - 1 - time.first - time.count / 2);
}

void seen(const ViewModel& view, PanelState& state) { state.seen_generation = view.generation(), state.seen_t = view.transport.t(); }

}  // namespace

void draw_main_window(ViewModel& view, Textures& textures, const Fonts& fonts, PanelState& state) {
  const ImVec2 size = ImGui::GetIO().DisplaySize;
  const float em = fonts.size;
  begin(view, size, em);
  Ui ui{view, textures, fonts, state, ImGui::GetWindowDrawList(), em, {}};
  look_around(view, state);
  state.pointed.clear();
  state.em = em;
  const bool lesson = prepare_lesson(view, state);
  const Places at = places_for(size.x, size.y, em, static_cast<int>(view.a().timeline().facts.size()), view.options.classroom,
                               lesson ? &state.bottom : nullptr);
  draw_places(ui, at);
  if (lesson) {
    ImGui::PushID("lesson");
    lesson_panel(ui, at.lesson);
    ImGui::PopID();
  }
  light_up(ui, at);
  how_to_read(ui);
  edit_popup(ui);
  status_line(ui, at.status);
  if (!ui.hint.empty()) state.hint = ui.hint;
  seen(view, state);
  ImGui::PopStyleVar();
  ImGui::End();
}

void draw_one_panel(ViewModel& view, Textures& textures, const Fonts& fonts, PanelState& state, const char* name, Svg* svg) {
  const PanelInfo* panel = find_panel(name);
  if (panel == nullptr) throw Error("panel: expected one of " + panel_names() + ", got \"" + name + "\"");
  const ImVec2 size = ImGui::GetIO().DisplaySize;
  begin(view, size, fonts.size);
  Ui ui{view, textures, fonts, state, ImGui::GetWindowDrawList(), fonts.size, {}};
  ui.svg = svg;
  look_around(view, state);
  const float gap = std::floor(0.3f * ui.em);
  draw_panel(ui, *panel, {gap, gap, size.x - 2 * gap, size.y - 2 * gap}, -1.7f * ui.em);
  seen(view, state);
  ImGui::PopStyleVar();
  ImGui::End();
}

}  // namespace fw::viz
