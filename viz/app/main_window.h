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
  page_down
};

void press(ViewModel& view, PanelState& state, Key key, bool shift = false);
/// `seconds` have passed; a model that cannot go on stops and says why.
void play(ViewModel& view, PanelState& state, double seconds);

/// The places of the panels for a display of this size; none overlap and none leaves the display.
struct Places {
  Rect bar, ribbon, state, step, gates, collapse, associations, recall, readout, attention, retention, interference, spectrum, gauges,
      status;
};
/// `facts`: rows of the association table, which gives what it does not need to the chart below it.
Places places_for(float width, float height, float em, int facts = 8);

/// Colours of ImGui's own widgets, after the theme.
void apply_theme(Theme theme, float em);

/// Between ImGui::NewFrame and ImGui::Render.
void draw_main_window(ViewModel& view, Textures& textures, const Fonts& fonts, PanelState& state);

}  // namespace fw::viz
