// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// DejaVu Sans where it is installed (Debian: fonts-dejavu-core), found by looking where systems keep it; else ImGui's own
// font, which has no Greek, and panels write "alpha". FASTWEIGHT_FONT or `wanted` names another file.
#pragma once

#include <string>

#include "viz/widgets/canvas.h"

namespace fw::viz {

/// Add the fonts to the current ImGui context's atlas, `size` pixels high. Throws fw::Error when `wanted` is named and unusable.
Fonts load_fonts(float size, const std::string& wanted = {});

/// Code points that panels draw beyond Latin-1; the tests ask the font for each.
const std::vector<unsigned>& used_code_points();

}  // namespace fw::viz
