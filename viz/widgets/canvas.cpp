// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/widgets/canvas.h"

#include <fmt/format.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <vector>

namespace fw::viz {
namespace {

ImFont* font_of(const Ui& ui, Face face) {
  ImFont* font = face == Face::small ? ui.fonts.small : face == Face::bold ? ui.fonts.bold : ui.fonts.regular;
  return font != nullptr ? font : ImGui::GetFont();
}
float size_of(const Ui& ui, Face face) { return face == Face::small ? ui.fonts.small_size : ui.fonts.size; }

ImVec2 at(float x, float y) { return ImVec2(x, y); }

}  // namespace

Rect Rect::cut_left(float size, float gap) {
  const Rect piece{x, y, size, h};
  x += size + gap, w -= size + gap;
  return piece;
}
Rect Rect::cut_right(float size, float gap) {
  const Rect piece{right() - size, y, size, h};
  w -= size + gap;
  return piece;
}
Rect Rect::cut_top(float size, float gap) {
  const Rect piece{x, y, w, size};
  y += size + gap, h -= size + gap;
  return piece;
}
Rect Rect::cut_bottom(float size, float gap) {
  const Rect piece{x, bottom() - size, w, size};
  h -= size + gap;
  return piece;
}

bool Ui::hovered(const Rect& r) const {
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  return r.holds(mouse.x, mouse.y) && ImGui::IsWindowHovered(ImGuiHoveredFlags_AllowWhenBlockedByActiveItem);
}
bool Ui::clicked(const Rect& r) const { return hovered(r) && ImGui::IsMouseClicked(0); }

float text_width(const Ui& ui, std::string_view text, Face face) {
  return font_of(ui, face)->CalcTextSizeA(size_of(ui, face), FLT_MAX, 0.0f, text.data(), text.data() + text.size()).x;
}

std::string fitting(const Ui& ui, float width, std::initializer_list<std::string> candidates, Face face) {
  for (const std::string& text : candidates)
    if (text_width(ui, text, face) <= width) return text;
  return *(candidates.end() - 1);
}

float text(const Ui& ui, const Rect& r, std::string_view whole, Colour colour, Face face, Align align) {
  std::string shortened;
  std::string_view shown = whole;
  float width = text_width(ui, shown, face);
  if (width > r.w + 0.5f) {
    std::size_t keep = whole.size();
    do {
      do --keep;
      while (keep > 0 && (static_cast<unsigned char>(whole[keep]) & 0xc0) == 0x80);
      shortened = std::string(whole.substr(0, keep)) + (ui.fonts.greek ? "\xe2\x80\xa6" : "..");
      width = text_width(ui, shortened, face);
    } while (keep > 0 && width > r.w);
    if (keep == 0) return 0.0f;
    shown = shortened;
  }
  const float size = size_of(ui, face);
  const float x = align == Align::left ? r.x : align == Align::right ? r.right() - width : r.x + 0.5f * (r.w - width);
  const ImVec2 from = at(std::floor(x), std::floor(r.y + 0.5f * (r.h - size)));
  ui.draw->AddText(font_of(ui, face), size, from, colour, shown.data(), shown.data() + shown.size());
  if (ui.svg != nullptr && !shown.empty()) ui.svg->text(from.x, from.y, width, size, shown, colour, face == Face::bold);
  return width;
}

void fill(const Ui& ui, const Rect& r, Colour colour, float rounding) {
  if (!(r.w > 0 && r.h > 0)) return;
  ui.draw->AddRectFilled(at(r.x, r.y), at(r.right(), r.bottom()), colour, rounding);
  if (ui.svg != nullptr) ui.svg->rectangle(r.x, r.y, r.w, r.h, colour, rounding);
}
void frame(const Ui& ui, const Rect& r, Colour colour, float thickness, float rounding) {
  ui.draw->AddRect(at(r.x, r.y), at(r.right(), r.bottom()), colour, rounding, 0, thickness);
  if (ui.svg != nullptr) ui.svg->outline(r.x, r.y, r.w, r.h, colour, thickness, rounding);
}
void line(const Ui& ui, float x0, float y0, float x1, float y1, Colour colour, float thickness) {
  ui.draw->AddLine(at(x0, y0), at(x1, y1), colour, thickness);
  if (ui.svg != nullptr) ui.svg->line(x0, y0, x1, y1, colour, thickness);
}

Rect panel(const Ui& ui, const Rect& whole, std::string_view title, std::string_view what, float reserve) {
  const Palette& c = ui.colours();
  fill(ui, whole, c.panel, 4);
  frame(ui, whole, c.border, 1, 4);
  Rect inside = whole.inset(0.55f * ui.em, 0.35f * ui.em);
  Rect head = inside.cut_top(1.35f * ui.em, 0.15f * ui.em);
  head.w -= reserve + ui.reserve;
  // Beside tabs, which are titles too, a title that would be cut says nothing.
  if (ui.reserve < 4 * ui.em || text_width(ui, title, Face::bold) <= head.w)
    head.cut_left(text(ui, head, title, c.heading, Face::bold) + 0.6f * ui.em);
  text(ui, head, what, c.muted, Face::small);
  return inside;
}

void bar(const Ui& ui, const Rect& r, double value, double range, Colour colour) {
  fill(ui, r, ui.colours().grid);
  if (std::isfinite(value) && range > 0) fill(ui, {r.x, r.y, r.w * static_cast<float>(std::clamp(value / range, 0.0, 1.0)), r.h}, colour);
}

void signed_bar(const Ui& ui, const Rect& r, double value, double range, Colour colour) {
  fill(ui, r, ui.colours().grid);
  const float middle = std::floor(r.x + 0.5f * r.w);
  if (std::isfinite(value) && range > 0) {
    const float length = 0.5f * r.w * static_cast<float>(std::clamp(value / range, -1.0, 1.0));
    fill(ui, {std::min(middle, middle + length), r.y, std::fabs(length), r.h}, colour);
  }
  fill(ui, {middle, r.y - 1, 1, r.h + 2}, ui.colours().muted);
}

void sparkline(const Ui& ui, const Rect& r, const Vec& values, double low, double high, Colour colour, int first, int count) {
  const int last = count < 0 ? static_cast<int>(values.size()) : std::min(static_cast<int>(values.size()), first + count),
            n = count < 0 ? last - first : count;
  if (n < 1 || !(high > low)) return;
  // Where several values fall on a pixel it shows all from the least to the largest, so that no spike is lost.
  std::vector<ImVec2> run;
  const auto flush = [&] {
    if (run.size() == 1) fill(ui, {run[0].x - 1, run[0].y - 1, 2, 2}, colour);
    if (run.size() > 1) {
      const float thick = ui.view.options.classroom ? 2.8f : 1.4f;
      ui.draw->AddPolyline(run.data(), static_cast<int>(run.size()), colour, 0, thick);
      std::vector<std::pair<float, float>> points;
      if (ui.svg != nullptr) {
        for (const ImVec2& p : run) points.emplace_back(p.x, p.y);
        ui.svg->polyline(points, colour, thick);
      }
    }
    run.clear();
  };
  const auto y_of = [&](double v) { return r.bottom() - r.h * static_cast<float>(std::clamp((v - low) / (high - low), 0.0, 1.0)); };
  const int per = std::max(1, static_cast<int>(static_cast<float>(n) / std::max(1.0f, r.w)));
  for (int i = first; i < last; i += per) {
    double least = INFINITY, most = -INFINITY;
    for (int j = i; j < std::min(i + per, last); ++j)
      if (std::isfinite(values[static_cast<std::size_t>(j)])) {
        least = std::min(least, values[static_cast<std::size_t>(j)]);
        most = std::max(most, values[static_cast<std::size_t>(j)]);
      }
    if (least > most) {
      flush();
      continue;
    }
    const float x = r.x + r.w * (static_cast<float>(i - first) + 0.5f) / static_cast<float>(n);
    if (per > 1)
      fill(ui, {std::floor(x), y_of(most) - 0.7f, 1, y_of(least) - y_of(most) + 1.4f}, colour);
    else
      run.push_back(at(x, y_of(most)));
  }
  flush();
}

std::vector<std::string_view> lines_of(const Ui& ui, std::string_view words, float width, Face face) {
  std::vector<std::string_view> lines;
  while (!words.empty()) {
    // The longest beginning that ends at a blank or a line end and fits; a word that is too long alone is cut by text().
    std::size_t end = 0;
    for (std::size_t i = 0;; ++i) {
      const bool over = i == words.size();
      if (!over && words[i] != ' ' && words[i] != '\n') continue;
      if (end > 0 && text_width(ui, words.substr(0, i), face) > width) break;
      end = i;
      if (over || words[i] == '\n') break;
    }
    lines.push_back(words.substr(0, end));
    words.remove_prefix(std::min(words.size(), end + 1));
  }
  return lines;
}

bool button(Ui& ui, const Rect& r, const char* id, std::string_view label, bool on, bool enabled) {
  const Palette& c = ui.colours();
  ImGui::SetCursorScreenPos(at(r.x, r.y));
  const bool pressed = ImGui::InvisibleButton(id, at(std::max(1.0f, r.w), std::max(1.0f, r.h))) && enabled,
             over = enabled && ImGui::IsItemHovered();
  fill(ui, r, on ? c.accent : over ? c.grid : c.inset, 3);
  frame(ui, r, on || over ? c.accent : c.border, 1, 3);
  text(ui, r.inset(2, 0), label, !enabled ? c.border : on ? c.on_accent : c.text, Face::small, Align::centre);
  return pressed;
}

float choice_width(const Ui& ui, const std::string_view* names, int count) {
  float total = 0;
  for (int i = 0; i < count; ++i) total += text_width(ui, names[i], Face::small) + 1.0f * ui.em;
  return total;
}

int choice(Ui& ui, const Rect& r, const char* id, const std::string_view* names, int count, int on) {
  int picked = -1;
  const float total = choice_width(ui, names, count), least = 0.4f * ui.em;
  const float around = std::clamp(ui.em - (total - r.w) / static_cast<float>(std::max(1, count)), least, ui.em);
  const float squeeze = std::min(1.0f, r.w / (total - static_cast<float>(count) * (ui.em - around)));
  Rect rest = r;
  ImGui::PushID(id);
  for (int i = 0; i < count; ++i) {
    const float width = (text_width(ui, names[i], Face::small) + around) * squeeze;
    if (button(ui, rest.cut_left(std::floor(width), 0), std::to_string(i).c_str(), names[i], i == on)) picked = i;
  }
  ImGui::PopID();
  return picked;
}

bool slider(Ui& ui, const Rect& r, const char* id, double& x, double low, double high, Colour colour, bool* done) {
  const Palette& c = ui.colours();
  ImGui::SetCursorScreenPos(at(r.x, r.y));
  ImGui::InvisibleButton(id, at(std::max(1.0f, r.w), std::max(1.0f, r.h)));
  bool changed = false;
  const float knob = 0.35f * ui.em;
  if (ImGui::IsItemActive() && high > low) {
    const double f = std::clamp(static_cast<double>((ImGui::GetIO().MousePos.x - r.x - knob) / std::max(1.0f, r.w - 2 * knob)), 0.0, 1.0);
    const double to = low + f * (high - low);
    changed = to != x;
    x = to;
  }
  if (done != nullptr) *done = ImGui::IsItemDeactivated();
  const float f = high > low ? static_cast<float>(std::clamp((x - low) / (high - low), 0.0, 1.0)) : 0.0f;
  const float middle = std::floor(r.y + 0.5f * r.h), centre = std::floor(r.x + knob + f * (r.w - 2 * knob));
  fill(ui, {r.x, middle - 2, r.w, 4}, c.grid, 2);
  fill(ui, {r.x, middle - 2, centre - r.x, 4}, colour, 2);
  const Rect grip{centre - knob, middle - 0.5f * ui.em, 2 * knob, 1.0f * ui.em};
  fill(ui, grip, c.panel, 3);
  frame(ui, grip, ImGui::IsItemHovered() || ImGui::IsItemActive() ? c.accent : c.muted, 1.2f, 3);
  return changed;
}

std::string number(double x, int digits, bool plus) {
  if (!std::isfinite(x)) return std::isnan(x) ? "-" : x > 0 ? "inf" : "-inf";
  std::string s = plus ? fmt::format("{:+.{}f}", x, digits) : fmt::format("{:.{}f}", x, digits);
  if (s.find_first_of("123456789") == std::string::npos && s[0] == '-') s = (plus ? "+" : "") + s.substr(1);
  return s;
}

}  // namespace fw::viz
