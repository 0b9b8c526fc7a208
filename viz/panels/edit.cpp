// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Editing memory by hand: a double click on a fact or on a cell of S opens a small window that completes a command. It goes
// the way of the command box, so it is undone, forked, saved and refused like one.
#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "viz/panels/panels.h"

namespace fw::viz {

void ask(Ui& ui, const std::string& prompt, const std::string& value) {
  ui.state.prompt = prompt;
  const std::size_t n = std::min(value.size(), sizeof ui.state.answer - 1);
  std::memcpy(ui.state.answer, value.data(), n);
  ui.state.answer[n] = '\0';
  ui.state.asking = true;
}

void edit_popup(Ui& ui) {
  PanelState& state = ui.state;
  const bool fresh = state.asking;
  if (fresh) ImGui::OpenPopup("edit");
  state.asking = false;
  if (!ImGui::BeginPopup("edit")) return;
  ImGui::TextUnformatted(state.prompt.c_str());
  ImGui::SameLine();
  ImGui::SetNextItemWidth(9 * ui.em);
  if (fresh) ImGui::SetKeyboardFocusHere();
  const bool entered = ImGui::InputText("##answer", state.answer, sizeof state.answer,
                                        ImGuiInputTextFlags_EnterReturnsTrue | ImGuiInputTextFlags_AutoSelectAll);
  ImGui::SameLine();
  if (ImGui::Button("Enter") || entered) {
    const std::string line = state.prompt + state.answer;
    try {
      ui.view.enter(line);
      state.message = line;
      state.refused = false;
    } catch (const std::exception& error) {
      state.message = error.what();
      state.refused = true;
    }
    ImGui::CloseCurrentPopup();
  }
  ImGui::EndPopup();
}

}  // namespace fw::viz
