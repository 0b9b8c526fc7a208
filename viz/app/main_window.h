// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The main window: where each panel stands at a given size, keys, the status line. One call draws one ImGui frame's content
// over the whole display.
#pragma once

#include "viz/panels/panels.h"

namespace fw::viz {

/// Keys the window reports; pressed, not held. Platform-neutral, so that a test can press them.
enum class Key {
  space,
  left,
  right,
  home,
  end,
  comma,
  period,
  escape,
  slash,
  undo,
  redo,
  fork,
  log_scale,
  map,
  theme,
  up,
  down,
  page_up,
  page_down,
  a,
  b,
  d,
  normalise,
  presets,
  picture,
  csv,
  copy,
  help,
  tab,
  bigger,
  smaller,
  reset,
  classroom,
  lessons,
  half_life,
  history,
  sort_rows,
  sort_facts,
  panel_1,
  panel_2,
  panel_3,
  panel_4,
  panel_5,
  panel_6,
  panel_7,
  panel_8,
  panel_9
};

void press(ViewModel& view, PanelState& state, Key key, bool shift = false);
/// `seconds` have passed: what was worked out meanwhile is taken over, playing goes on. A model that cannot go on stops and says
/// why, so does what cannot be opened. True when there is something new to be seen.
bool play(ViewModel& view, PanelState& state, double seconds);

/// The places of the panels for a display of this size; none leaves the display. A place of no width is not there: a classroom has
/// three panels. Panels with the same place share it by tabs; all other places are apart.
struct Places {
  Rect bar, ribbon, state, step, gates, collapse, associations, recall, impact, readout, history, attention, retention, interference,
      spectrum, gauges, status, lesson;
  const Rect* find(std::string_view panel) const;  ///< by the panel's name; null: has no place now
};
/// `facts`: rows of the association table, which gives what it does not need to the chart below it.
/// `bottom`: during a lesson, the panels that share the bottom row; the lesson stands left below the ribbon, and the sliders are away.
Places places_for(float width, float height, float em, int facts = 8, bool classroom = false,
                  const std::vector<std::string>* bottom = nullptr);

/// Colours of ImGui's own widgets, after the theme.
void apply_theme(Theme theme, float em);

/// One panel alone over the whole display; `svg`, when not null, gets the same.
void draw_one_panel(ViewModel& view, Textures& textures, const Fonts& fonts, PanelState& state, const char* name, Svg* svg);

/// Between ImGui::NewFrame and ImGui::Render.
void draw_main_window(ViewModel& view, Textures& textures, const Fonts& fonts, PanelState& state);

}  // namespace fw::viz
