// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/panels/registry.h"

namespace fw::viz {

const std::vector<PanelInfo>& panel_list() {
  static const std::vector<PanelInfo> list = {
      {"bar", "Transport", transport_bar, 104, 1.8f, ""},
      {"ribbon", "Tokens", ribbon_panel, 104, 2.9f, ""},
      {"memory", "Memory S", state_panel, 38, 25,
       "One square per number of the state S: rows are key channels, columns value channels. Orange is positive, blue negative, the "
       "neutral middle is zero. A fact is not one square but a pattern: its key times its value. The grey bars are norms of rows and "
       "columns.\n"
       "change, decay, erase, write: what this token did. A-B: where the two rules disagree; hold B to blink between them.\n"
       "run: colours mean the same at every token. now: they are stretched to this moment. sort rows: by their norm at this moment, or the "
       "slowest decay first; the numbers beside them are the channels. The wheel zooms, here and in every picture with the same axes; the "
       "right button pulls, twice it (or 0) shows all."},
      {"step", "This step = decay + erase + write", step_panel, 38, 14,
       "The same token in three parts that add up to the change of S. Decay makes everything fainter, channel by channel. Erase takes away "
       "what memory answered along the erase direction: a stripe pattern k times r. Write puts the new value there: k times z.\n"
       "All maps share one range, and the bars are their sizes: compare how much each part does in A and in B."},
      {"gates", "Gates", gates_panel, 31, 32,
       "b: how much of a key channel is erased. w: how much of a value channel is written. alpha: how much of a key channel is kept. Left "
       "bars are this token, the picture is all tokens. sd 0 (equal) means the gate is tied: a narrower rule would do the same.\n"
       "Drag a bar to set that channel from this token on; the change is live and one undo step. half-life: after how many tokens a "
       "channel has lost half."},
      {"collapse", "Gate collapse of B", collapse_panel, 31, 7.5f,
       "Moves the gates of B step by step to those of a narrower rule. At the ends B is that rule bit for bit. Nothing is retrained, so it "
       "shows what the freedom of the gates does here, not which model is better."},
      {"associations", "Associations", associations_panel, 34, 16,
       "One row per fact: ask memory with its key. Cosine: does the answer point the right way? Norm: how loud is it? A deleted fact "
       "should go to norm 0; its cosine then means nothing and is drawn faint. signal is the part of the answer from the fact's own write, "
       "crosstalk from all others. impact: how far this token moved the answer.\nA click on a heading sorts by it; the wheel moves the "
       "rows. Double-click a row to overwrite "
       "the fact."},
      {"recall", "Recall over time", recall_panel, 34, 12,
       "The tracked fact through all tokens: strong line cosine, faint line norm. A fall of the norm alone is forgetting, a fall of the "
       "cosine confusion with other facts. The marks below: written, erased, asked."},
      {"impact", "Edit impact", impact_panel, 34, 9,
       "What this one token did to the answer of every fact, though it spoke about at most one of them. A tall bar at another fact is "
       "collateral damage: it is as large as the keys overlap, (k_i.k)(z - r). The grey part is decay, which spares nobody."},
      {"readout", "Query readout", readout_panel, 34, 11,
       "The answer to the query, compared with every value that was ever named; the longest bar is what memory says. Hover a fact to ask "
       "with its key. With a model: what it expects after this token; the right answer of its task is marked."},
      {"attention", "Hidden attention", attention_panel, 24, 17,
       "Row t, column i: the weight with which the output at t contains what token i wrote. Their sum gives the output exactly, so a "
       "linear memory is an attention whose weights may be negative. Erasing a fact darkens its column from there on."},
      {"retention", "Retention", retention_panel, 24, 17,
       "Row t, column i: how much of write i is still in memory at t. 1 is all, 0 nothing. A column that goes dark at once was erased, one "
       "that fades was decayed."},
      {"interference", "Key interference", interference_panel, 22, 17,
       "Cosines between the keys of the facts. 0: they do not disturb each other. Editing one fact moves another by this share."},
      {"spectrum", "Spectrum of S", spectrum_panel, 24, 17,
       "Singular values of S: how many independent pairs it holds. Few tall bars: little is stored, or one thing many times. The effective "
       "rank counts them; it cannot exceed the number of channels, which is why memory fills up. "
       "Below: both ranks after every token; they fill in while you look."},
      {"history", "History", history_panel, 34, 11,
       "Every step that can be undone, in the words of the command box. Click one to go back to the moment after it; the steps after it "
       "stay and can be done again until you do something else. Z and Y go one step."},
      {"gauges", "Gauges", gauges_panel, 26, 17,
       "beta: share of the addressed slot that is erased. sigma max: above 1 a step can make something louder; decay usually makes up for "
       "it. from KDA, GDN, DeltaNet: how far the gates are from those of a narrower rule; 0 is that rule."},
  };
  return list;
}

const PanelInfo* find_panel(std::string_view name) {
  for (const PanelInfo& p : panel_list())
    if (name == p.name) return &p;
  return nullptr;
}

std::string panel_names() {
  std::string names;
  for (const PanelInfo& p : panel_list()) names += (names.empty() ? "" : ", ") + std::string(p.name);
  return names;
}

void draw_panel(Ui& ui, const PanelInfo& panel, const Rect& place, float tabs) {
  const Palette& c = ui.colours();
  const float em = ui.em;
  const bool explained = *panel.how != '\0';
  ImGui::PushID(panel.name);
  ui.draw->PushClipRect(ImVec2(place.x - 2, place.y - 2), ImVec2(place.right() + 2, place.bottom() + 2), true);
  if (ui.hovered(place)) ui.state.pointed = panel.name;
  ui.reserve = tabs + (explained ? 1.7f * em : 0.0f);
  const bool open = explained && ui.state.reading == panel.name;
  if (open) ui.read = place;
  panel.draw(ui, place);
  ui.reserve = 0;
  if (explained && tabs >= 0 && ui.svg == nullptr &&
      button(ui, {place.right() - 1.9f * em, place.y + 0.35f * em, 1.5f * em, 1.3f * em}, "how", "?", open))
    ui.state.reading = open ? std::string() : panel.name;
  if (ui.state.chosen == panel.name) frame(ui, place, c.accent, 1.6f, 4);
  ui.draw->PopClipRect();
  ImGui::PopID();
}

void how_to_read(Ui& ui) {
  const PanelInfo* panel = find_panel(ui.state.reading);
  if (panel == nullptr || ui.read.w <= 0) return;
  const Palette& c = ui.colours();
  const float em = ui.em, line = 1.3f * ui.fonts.small_size;
  const ImVec2 size = ImGui::GetIO().DisplaySize;
  Rect box{0, 0, std::min(30 * em, size.x - em), 0};
  const auto lines = lines_of(ui, panel->how, box.w - 1.4f * em);
  box.h = 2.6f * em + line * static_cast<float>(lines.size());
  // Beside the panel, so that both can be seen; on the side where there is room.
  const float gap = 0.4f * em;
  box.x = ui.read.right() + gap + box.w <= size.x ? ui.read.right() + gap : std::max(0.5f * em, ui.read.x - gap - box.w);
  box.y = std::clamp(ui.read.y, 0.5f * em, std::max(0.5f * em, size.y - box.h - 0.5f * em));
  ImDrawList* const below = ui.draw;
  ui.draw = ImGui::GetForegroundDrawList();
  fill(ui, {box.x + 3, box.y + 3, box.w, box.h}, 0x40000000u, 6);
  fill(ui, box, c.panel, 6);
  frame(ui, box, c.accent, 1.6f, 6);
  Rect inside = box.inset(0.7f * em, 0.5f * em);
  text(ui, inside.cut_top(1.4f * em, 0.2f * em), std::string("How to read: ") + panel->title, c.heading, Face::bold);
  for (const std::string_view words : lines) text(ui, inside.cut_top(line), words, c.text, Face::small);
  ui.draw = below;
}

}  // namespace fw::viz
