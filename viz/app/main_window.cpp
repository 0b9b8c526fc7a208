// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/app/main_window.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace fw::viz {
namespace {

ImVec4 vec4(Colour c) {
  return ImVec4(static_cast<float>(c & 0xff) / 255.0f, static_cast<float>((c >> 8) & 0xff) / 255.0f,
                static_cast<float>((c >> 16) & 0xff) / 255.0f, static_cast<float>(c >> 24) / 255.0f);
}

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
  if (ui.state.refused && !ui.state.message.empty())
    text(ui, inside, ui.state.message, c.bad, Face::small);
  else if (!ui.hint.empty())
    text(ui, inside, ui.hint, c.text, Face::small);
  else if (!ui.state.message.empty())
    text(ui, inside, ui.state.message, c.text, Face::small);
  else
    text(ui, inside,
         ui.sign("Space play \xc2\xb7 \xe2\x86\x90 \xe2\x86\x92 step \xc2\xb7 , . sub-step \xc2\xb7 / command \xc2\xb7 Z Y undo redo "
                 "\xc2\xb7 F fork \xc2\xb7 M map \xc2\xb7 L scale \xc2\xb7 Esc unlock",
                 "Space play, arrows step, comma and period sub-step, / command, Z Y undo redo, F fork, M map, L scale, Esc unlock"),
         c.muted, Face::small);
}

void obey(ViewModel& view, PanelState& state, Key key, bool shift) {
  Transport& time = view.transport;
  switch (key) {
    case Key::space: view.toggle(); break;
    case Key::left: time.step(shift ? -10 : -1); break;
    case Key::right: view.step(shift ? 10 : 1); break;
    case Key::home: time.to_start(); break;
    case Key::end: time.to_end(); break;
    case Key::comma: time.sub_step(-1); break;
    case Key::period: time.sub_step(1); break;
    case Key::escape: view.selection.unlock(), state.message.clear(); break;
    case Key::slash: state.focus_command = true; break;
    case Key::undo: view.undo(); break;
    case Key::redo: view.redo(); break;
    case Key::fork: view.fork(); break;
    case Key::log_scale: view.options.root_scale = !view.options.root_scale; break;
    case Key::map: view.options.map = static_cast<Map>((static_cast<int>(view.options.map) + 1) % (view.b() ? 6 : 5)); break;
    case Key::theme: view.options.theme = view.options.theme == Theme::light ? Theme::dark : Theme::light; break;
    case Key::up: view.move_head(0, -1); break;
    case Key::down: view.move_head(0, 1); break;
    case Key::page_up: view.move_head(-1, 0); break;
    case Key::page_down: view.move_head(1, 0); break;
  }
}

}  // namespace

void press(ViewModel& view, PanelState& state, Key key, bool shift) {
  try {
    obey(view, state, key, shift);
  } catch (const Error& error) {
    state.message = error.what();
    state.refused = true;
  }
}

void play(ViewModel& view, PanelState& state, double seconds) {
  try {
    view.tick(seconds);
  } catch (const Error& error) {
    view.transport.pause();
    state.message = error.what();
    state.refused = true;
  }
}

Places places_for(float width, float height, float em, int facts) {
  Places out;
  const float gap = std::floor(0.45f * em);
  Rect all{gap, gap, width - 2 * gap, height - 2 * gap};
  out.bar = all.cut_top(std::floor(1.8f * em), gap);
  out.ribbon = all.cut_top(std::floor(2.9f * em), gap);
  out.status = all.cut_bottom(std::floor(1.4f * em), std::floor(0.3f * em));
  Rect below = all.cut_bottom(std::floor(std::min(0.31f * all.h, 19.0f * em)), gap);
  const float third = std::floor(all.w * 0.37f);
  Rect left = all.cut_left(third, gap), middle = all.cut_left(std::floor(all.w * 0.47f), gap), right = all;
  out.step = left.cut_bottom(std::floor(std::max(0.36f * left.h, 11.0f * em)), gap);
  out.state = left;
  out.collapse = middle.cut_bottom(std::floor(7.4f * em), gap);
  out.gates = middle;
  out.readout = right.cut_bottom(std::floor(std::min(0.32f * right.h, 11.0f * em)), gap);
  const float table = (3.4f + 1.6f * static_cast<float>(std::max(facts, 4))) * em;
  out.recall = right.cut_bottom(std::floor(std::max(std::min(right.h - table, 14.0f * em), std::min(6.5f * em, 0.35f * right.h))), gap);
  out.associations = right;
  const float each = std::floor((below.w - 4 * gap) / 5);
  out.attention = below.cut_left(each, gap);
  out.retention = below.cut_left(each, gap);
  out.interference = below.cut_left(std::floor(0.92f * each), gap);
  out.spectrum = below.cut_left(each, gap);
  out.gauges = below;
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

void draw_main_window(ViewModel& view, Textures& textures, const Fonts& fonts, PanelState& state) {
  const ImVec2 size = ImGui::GetIO().DisplaySize;
  const float em = fonts.size;
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
  Ui ui{view, textures, fonts, state, ImGui::GetWindowDrawList(), em, {}};
  const Places at = places_for(size.x, size.y, em, static_cast<int>(view.a().timeline().facts.size()));
  using Panel = void (*)(Ui&, const Rect&);
  const std::pair<Panel, const Rect*> panels[] = {{transport_bar, &at.bar},
                                                  {ribbon_panel, &at.ribbon},
                                                  {state_panel, &at.state},
                                                  {step_panel, &at.step},
                                                  {gates_panel, &at.gates},
                                                  {associations_panel, &at.associations},
                                                  {recall_panel, &at.recall},
                                                  {readout_panel, &at.readout},
                                                  {attention_panel, &at.attention},
                                                  {retention_panel, &at.retention},
                                                  {interference_panel, &at.interference},
                                                  {spectrum_panel, &at.spectrum},
                                                  {gauges_panel, &at.gauges},
                                                  {collapse_panel, &at.collapse}};
  int id = 0;
  for (const auto& [draw, place] : panels) {
    ImGui::PushID(id++);
    ui.draw->PushClipRect(ImVec2(place->x - 2, place->y - 2), ImVec2(place->right() + 2, place->bottom() + 2), true);
    draw(ui, *place);
    ui.draw->PopClipRect();
    ImGui::PopID();
  }
  status_line(ui, at.status);
  ImGui::PopStyleVar();
  ImGui::End();
}

}  // namespace fw::viz
