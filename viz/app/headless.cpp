// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/app/headless.h"

#include <cfloat>

#include "core/error.h"
#include "viz/app/fonts.h"

namespace fw::viz {

float font_size_for(int width) { return width >= 1500 ? 15.0f : width >= 1200 ? 13.0f : 12.0f; }

float font_size_for(const ViewModel& view, int width, float wanted) {
  if (view.options.font > 0) return static_cast<float>(view.options.font);
  if (wanted > 0) return wanted;
  return font_size_for(width) * (view.options.classroom ? 1.5f : 1.0f);
}

Headless::Headless(const HeadlessOptions& options) : options_(options) {
  state_.course = options.course;
  if (options.scale < 1 || options.scale > 4) throw Error("headless: scale: expected 1, 2, 3 or 4, got " + std::to_string(options.scale));
  options_.width *= options.scale;
  options_.height *= options.scale;
  const auto size = std::to_string(options_.width) + "x" + std::to_string(options_.height);
  if (options_.width < 8 || options_.width > 6400 || options_.height < 8 || options_.height > 6400)
    throw Error("headless: size: expected at most 6400 pixels each way, got " + size);
  if (options.font_size != 0.0f && !(options.font_size >= 8.0f && options.font_size <= 48.0f))
    throw Error("headless: font_size: expected 8 to 48 pixels, got " + shortest(static_cast<double>(options.font_size)));
  context_ = ImGui::CreateContext();
  ImGui::SetCurrentContext(context_);
  try {
    ImGuiIO& io = ImGui::GetIO();
    io.IniFilename = nullptr;
    io.LogFilename = nullptr;
    io.BackendFlags |= ImGuiBackendFlags_RendererHasVtxOffset;
    io.DisplaySize = ImVec2(static_cast<float>(options_.width), static_cast<float>(options_.height));
    io.DeltaTime = 1.0f / 60.0f;
    fonts_ = load_fonts((options.font_size == 0.0f ? font_size_for(options.width) : options.font_size) * static_cast<float>(options.scale),
                        options.font);
#if IMGUI_VERSION_NUM < 18700
    for (int key = 0; key < ImGuiKey_COUNT; ++key) io.KeyMap[key] = key;
#endif
    textures_.upload_fonts();
    io.MousePos = ImVec2(-FLT_MAX, -FLT_MAX);
  } catch (...) {
    ImGui::DestroyContext(context_);
    throw;
  }
}

Headless::~Headless() {
  ImGui::SetCurrentContext(context_);
  ImGui::DestroyContext(context_);
}

void Headless::move(float x, float y) {
  ImGui::SetCurrentContext(context_);
#if IMGUI_VERSION_NUM >= 18700
  ImGui::GetIO().AddMousePosEvent(x, y);
#else
  ImGui::GetIO().MousePos = ImVec2(x, y);
#endif
}

void Headless::hold(bool down, int button) {
  ImGui::SetCurrentContext(context_);
#if IMGUI_VERSION_NUM >= 18700
  ImGui::GetIO().AddMouseButtonEvent(button, down);
#else
  ImGui::GetIO().MouseDown[button] = down;
#endif
}

void Headless::wheel(ViewModel& view, float steps) {
  ImGui::SetCurrentContext(context_);
#if IMGUI_VERSION_NUM >= 18700
  ImGui::GetIO().AddMouseWheelEvent(0, steps);
#else
  ImGui::GetIO().MouseWheel = steps;
#endif
  frame(view);
}

void Headless::frame(ViewModel& view) {
  ImGui::SetCurrentContext(context_);
  ImGui::NewFrame();
  draw_main_window(view, textures_, fonts_, state_);
  ImGui::Render();
}

void Headless::frame(ViewModel& view, const char* panel, Svg* svg) {
  ImGui::SetCurrentContext(context_);
  ImGui::NewFrame();
  draw_one_panel(view, textures_, fonts_, state_, panel, svg);
  ImGui::Render();
}

void Headless::settle(ViewModel& view, const char* panel) {
  // Sizes of widgets are known from the second frame on; what takes longer is worked out after that, little by little.
  for (int i = 0; i < 3 || (state_.working && i < 64); ++i) panel == nullptr ? frame(view) : frame(view, panel, nullptr);
}

void Headless::type(ViewModel& view, const std::string& letters) {
  ImGui::SetCurrentContext(context_);
  ImGuiIO& io = ImGui::GetIO();
  for (char c : letters) {
    if (c != '\n') {
      io.AddInputCharacter(static_cast<unsigned char>(c));
      continue;
    }
    for (bool down : {true, false}) {
      frame(view);
#if IMGUI_VERSION_NUM >= 18700
      io.AddKeyEvent(ImGuiKey_Enter, down);
#else
      io.KeysDown[ImGuiKey_Enter] = down;
#endif
      frame(view);
    }
  }
  frame(view);
}

Image Headless::picture(Theme theme) const {
  ImGui::SetCurrentContext(context_);
  Image image(options_.width, options_.height, palette_of(theme).window);
  if (const ImDrawData* data = ImGui::GetDrawData()) rasterise(*data, textures_, image);
  return image;
}

Image screenshot(ViewModel& view, const HeadlessOptions& options) {
  HeadlessOptions with_font = options;
  with_font.font_size = font_size_for(view, options.width, options.font_size);
  Headless window(with_font);
  window.settle(view);
  return window.picture(view.options.theme);
}

}  // namespace fw::viz
