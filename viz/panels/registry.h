// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The list of panels: one row a panel, with the name that commands, exports and keys use, and the text of "How to read this".
#pragma once

#include <string_view>
#include <vector>

#include "viz/panels/panels.h"

namespace fw::viz {

struct PanelInfo {
  const char* name;   ///< one word
  const char* title;  ///< as it stands on the panel
  void (*draw)(Ui&, const Rect&);
  float width, height;  ///< of a picture of the panel alone, in letters
  const char* how;      ///< how to read it; empty for the two bars, which have no title
};

const std::vector<PanelInfo>& panel_list();
/// Null when there is none of this name.
const PanelInfo* find_panel(std::string_view name);
/// "bar, ribbon, ..." for messages.
std::string panel_names();

/// A panel in its place with its "?" and, while that is open, how to read it. `tabs`: width to keep free beside the "?".
void draw_panel(Ui& ui, const PanelInfo& panel, const Rect& place, float tabs = 0);

}  // namespace fw::viz
