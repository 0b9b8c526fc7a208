// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/widgets/prose_text.h"

#include <cmath>

namespace fw::viz {
namespace {

/// A piece of a word: marks may end inside one ("[[state|memory]].").
struct Piece {
  std::string text;
  const ProseSpan* span;
  float width;
};

void draw_piece(const Ui& ui, const Rect& r, const Piece& piece, Colour colour, Pointed* pointed) {
  const Palette& c = ui.colours();
  const bool reference = piece.span->kind == ProseSpan::Kind::panel, strong = piece.span->kind == ProseSpan::Kind::number;
  const bool over = reference && pointed != nullptr && ui.hovered(r);
  text(ui, {r.x, r.y, r.w + 2, r.h}, piece.text, reference ? c.accent : colour, strong ? Face::bold : Face::regular);
  if (reference) fill(ui, {r.x, std::floor(r.y + 0.5f * (r.h + ui.em)) + 1, r.w, over ? 2.0f : 1.0f}, c.accent);
  if (!over) return;
  pointed->over = piece.span->target;
  if (ImGui::IsMouseClicked(0)) pointed->clicked = piece.span->target;
}

}  // namespace

float prose_line(const Ui& ui) { return std::floor(1.4f * ui.em); }

float prose_text(const Ui& ui, const Rect& r, const Prose& prose, Colour colour, Pointed* pointed, bool draw) {
  const float height = prose_line(ui), blank = text_width(ui, " ");
  float x = r.x, y = r.y;
  std::vector<Piece> word;
  bool joined = false;  ///< a blank inside a reference stands before the next word; it is underlined where that stays on the line
  const auto set_word = [&] {
    float width = 0;
    for (const Piece& piece : word) width += piece.width;
    if (x > r.x && x + width > r.right()) x = r.x, y += height, joined = false;
    if (draw && joined) fill(ui, {x - blank, std::floor(y + 0.5f * (height + ui.em)) + 1, blank, 1}, ui.colours().accent);
    joined = false;
    for (const Piece& piece : word) {
      if (draw) draw_piece(ui, {x, y, piece.width, height}, piece, colour, pointed);
      x += piece.width;
    }
    word.clear();
  };
  for (const ProseSpan& span : prose) {
    const Face face = span.kind == ProseSpan::Kind::number ? Face::bold : Face::regular;
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= span.text.size(); ++i) {
      if (i < span.text.size() && span.text[i] != ' ') continue;
      if (i > begin) {
        const std::string part = span.text.substr(begin, i - begin);
        word.push_back({part, &span, text_width(ui, part, face)});
      }
      begin = i + 1;
      if (i == span.text.size()) break;
      set_word();
      joined = span.kind == ProseSpan::Kind::panel && x > r.x;
      if (x > r.x) x += blank;
    }
  }
  set_word();
  return y + height - r.y;
}

}  // namespace fw::viz
