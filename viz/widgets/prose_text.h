// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Prose set into lines: words wrapped at a width, numbers strong, references to panels underlined and sensitive.
#pragma once

#include <string>

#include "viz/model/prose.h"
#include "viz/widgets/canvas.h"

namespace fw::viz {

/// What the pointer does with the references of a text.
struct Pointed {
  std::string over, clicked;  ///< panel names, empty: none
};

/// Set `prose` at the top of `r` as wide as it is; the height that was needed. Nothing is drawn when `draw` is false.
float prose_text(const Ui& ui, const Rect& r, const Prose& prose, Colour colour, Pointed* pointed = nullptr, bool draw = true);
/// Height of a line of it.
float prose_line(const Ui& ui);
/// A text without marks.
inline Prose unmarked(std::string text) { return {{ProseSpan::Kind::text, std::move(text), {}}}; }

}  // namespace fw::viz
