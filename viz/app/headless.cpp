// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/app/headless.h"

#include <cfloat>

#include "core/error.h"
#include "viz/app/fonts.h"

namespace fw::viz {

float font_size_for(int width) { return width >= 1500 ? 15.0f : width >= 1200 ? 13.0f : 12.0f; }

Headless::Headless(const HeadlessOptions& options) : options_(options) {
  state_.classroom = options.classroom;
  const auto size = std::to_string(options.width) + "x" + std::to_string(options.height);
  if (options.width < 320 || options.width > 6400 || options.height < 320 || options.height > 6400)
    throw Error("headless: size: expected 320 to 6400 pixels each way, got " + size);
  if (options.font_size != 0.0f && !(options.font_size >= 8.0f && options.font_size <= 48.0f))
    throw Error("headless: font_size: expected 8 to 48 pixels, got " + shortest(static_cast<double>(options.font_size)));
  context_ = ImGui::CreateContext();
  ImGui::SetCurrentContext(context_);
  try {
    ImGuiIO& io = ImGui::GetIO();
    io.IniFilename = nullptr;
    io.LogFilename = nullptr;
    io.BackendFlags |= ImGuiBackendFlags_RendererHasVtxOffset;
    io.DisplaySize = ImVec2(static_cast<float>(options.width), static_cast<float>(options.height));
    io.DeltaTime = 1.0f / 60.0f;
    fonts_ = load_fonts(options.font_size == 0.0f ? font_size_for(options.width) : options.font_size, options.font);
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

void Headless::hold(bool down) {
  ImGui::SetCurrentContext(context_);
#if IMGUI_VERSION_NUM >= 18700
  ImGui::GetIO().AddMouseButtonEvent(0, down);
#else
  ImGui::GetIO().MouseDown[0] = down;
#endif
}

void Headless::frame(ViewModel& view) {
  ImGui::SetCurrentContext(context_);
  ImGui::NewFrame();
  draw_main_window(view, textures_, fonts_, state_);
  ImGui::Render();
}

Image Headless::picture(Theme theme) const {
  ImGui::SetCurrentContext(context_);
  Image image(options_.width, options_.height, palette_of(theme).window);
  if (const ImDrawData* data = ImGui::GetDrawData()) rasterise(*data, textures_, image);
  return image;
}

Image screenshot(ViewModel& view, const HeadlessOptions& options) {
  Headless window(options);
  for (int i = 0; i < 3; ++i) window.frame(view);  // sizes of widgets are known from the second frame on
  return window.picture(view.options.theme);
}

}  // namespace fw::viz
