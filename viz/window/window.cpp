// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/window/window.h"

#include <GLFW/glfw3.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "backends/imgui_impl_glfw.h"
#include "backends/imgui_impl_opengl3.h"
#include "core/error.h"
#include "viz/app/fonts.h"
#include "viz/app/headless.h"
#include "viz/app/main_window.h"
#include "viz/app/pictures.h"

namespace fw::viz {
namespace {

/// Seconds between two looks at how far work in the background has come.
constexpr double kProgress = 0.03;

/// Frames drawn after an event: widgets need a second look at what the first one changed.
constexpr int kFramesAfterEvent = 3;

class GlTextures : public Textures {
 public:
  ~GlTextures() override {
    for (const auto& [slot, name] : names_) glDeleteTextures(1, &name);
  }
  ImTextureID upload(int slot, int width, int height, const std::vector<std::uint32_t>& pixels) override {
    GLuint& name = names_[slot];
    if (name == 0) glGenTextures(1, &name);
    glBindTexture(GL_TEXTURE_2D, name);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, 0x812F);  // clamp to edge
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, 0x812F);
    glPixelStorei(GL_UNPACK_ALIGNMENT, 4);
    glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA, width, height, 0, GL_RGBA, GL_UNSIGNED_BYTE, pixels.data());
    return (ImTextureID)(std::uintptr_t)name;
  }

 private:
  std::map<int, GLuint> names_;
};

/// What the callbacks of one window write to. Keys are taken as events: polled once a frame, short presses would be lost.
struct Events {
  std::vector<std::pair<Key, bool>> keys;
  bool blink = false;  ///< B is held down
  int frames_due = kFramesAfterEvent;
};

std::string last_error;
void on_error(int code, const char* text) { last_error = std::string(text) + " (" + std::to_string(code) + ")"; }
Events& events_of(GLFWwindow* window) { return *static_cast<Events*>(glfwGetWindowUserPointer(window)); }

void on_key(GLFWwindow* window, int key, int, int action, int mods) {
  Events& events = events_of(window);
  events.frames_due = kFramesAfterEvent;
  static const std::map<int, Key> known = {{GLFW_KEY_SPACE, Key::space},
                                           {GLFW_KEY_LEFT, Key::left},
                                           {GLFW_KEY_RIGHT, Key::right},
                                           {GLFW_KEY_HOME, Key::home},
                                           {GLFW_KEY_END, Key::end},
                                           {GLFW_KEY_COMMA, Key::comma},
                                           {GLFW_KEY_PERIOD, Key::period},
                                           {GLFW_KEY_ESCAPE, Key::escape},
                                           {GLFW_KEY_SLASH, Key::slash},
                                           {GLFW_KEY_Z, Key::undo},
                                           {GLFW_KEY_Y, Key::redo},
                                           {GLFW_KEY_F, Key::fork},
                                           {GLFW_KEY_L, Key::log_scale},
                                           {GLFW_KEY_M, Key::map},
                                           {GLFW_KEY_T, Key::theme},
                                           {GLFW_KEY_A, Key::a},
                                           {GLFW_KEY_B, Key::b},
                                           {GLFW_KEY_D, Key::d},
                                           {GLFW_KEY_N, Key::normalise},
                                           {GLFW_KEY_G, Key::presets},
                                           {GLFW_KEY_P, Key::picture},
                                           {GLFW_KEY_E, Key::csv},
                                           {GLFW_KEY_C, Key::copy},
                                           {GLFW_KEY_TAB, Key::tab},
                                           {GLFW_KEY_EQUAL, Key::bigger},
                                           {GLFW_KEY_KP_ADD, Key::bigger},
                                           {GLFW_KEY_MINUS, Key::smaller},
                                           {GLFW_KEY_KP_SUBTRACT, Key::smaller},
                                           {GLFW_KEY_0, Key::reset},
                                           {GLFW_KEY_F11, Key::reset},
                                           {GLFW_KEY_F1, Key::help},
                                           {GLFW_KEY_K, Key::classroom},
                                           {GLFW_KEY_H, Key::half_life},
                                           {GLFW_KEY_I, Key::lessons},
                                           {GLFW_KEY_U, Key::history},
                                           {GLFW_KEY_R, Key::sort_rows},
                                           {GLFW_KEY_O, Key::sort_facts},
                                           {GLFW_KEY_UP, Key::up},
                                           {GLFW_KEY_DOWN, Key::down},
                                           {GLFW_KEY_PAGE_UP, Key::page_up},
                                           {GLFW_KEY_PAGE_DOWN, Key::page_down}};
  auto found = known.find(key);
  const Key digit = static_cast<Key>(static_cast<int>(Key::panel_1) + key - GLFW_KEY_1);
  if (key == GLFW_KEY_B) events.blink = action != GLFW_RELEASE;
  if (key >= GLFW_KEY_1 && key <= GLFW_KEY_9 && action != GLFW_RELEASE) events.keys.emplace_back(digit, false);
  if (key == GLFW_KEY_SLASH && (mods & GLFW_MOD_SHIFT) != 0) found = known.find(GLFW_KEY_F1);  // "?"
  if (action != GLFW_RELEASE && found != known.end() && (mods & (GLFW_MOD_CONTROL | GLFW_MOD_ALT)) == 0)
    events.keys.emplace_back(found->second, (mods & GLFW_MOD_SHIFT) != 0);
}
void wake(GLFWwindow* window) { events_of(window).frames_due = kFramesAfterEvent; }
void on_move(GLFWwindow* window, double, double) { wake(window); }
void on_button(GLFWwindow* window, int, int, int) { wake(window); }
void on_scroll(GLFWwindow* window, double, double) { wake(window); }
void on_char(GLFWwindow* window, unsigned) { wake(window); }
void on_size(GLFWwindow* window, int, int) { wake(window); }
void on_refresh(GLFWwindow* window) { wake(window); }

/// GLFW and one window with OpenGL 3; gone with the object.
struct Screen {
  GLFWwindow* window = nullptr;

  Screen(int width, int height) {
    glfwSetErrorCallback(on_error);
    if (!glfwInit())
      throw Error("view: expected a display, got none: " + last_error + ". Without one: --screenshot FILE, --describe or --csv FILE");
    glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, 3);
    glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, 3);
    glfwWindowHint(GLFW_OPENGL_PROFILE, GLFW_OPENGL_CORE_PROFILE);
    window = glfwCreateWindow(width, height, "fastweight", nullptr, nullptr);
    if (window == nullptr) {
      glfwTerminate();
      throw Error("view: expected OpenGL 3.3, got none: " + last_error + ". Without it: --screenshot FILE, --describe or --csv FILE");
    }
    glfwSetWindowSizeLimits(window, 640, 480, GLFW_DONT_CARE, GLFW_DONT_CARE);
    glfwMakeContextCurrent(window);
    glfwSwapInterval(1);
  }
  ~Screen() {
    glfwDestroyWindow(window);
    glfwTerminate();
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
};

/// ImGui's context and its two backends.
struct Gui {
  explicit Gui(GLFWwindow* window) {
    ImGui::CreateContext();
    ImGui::GetIO().IniFilename = nullptr;
    ImGui_ImplGlfw_InitForOpenGL(window, true);  // keeps and calls the callbacks set before
    ImGui_ImplOpenGL3_Init("#version 330");
  }
  ~Gui() {
    ImGui_ImplOpenGL3_Shutdown();
    ImGui_ImplGlfw_Shutdown();
    ImGui::DestroyContext();
  }
  Gui(const Gui&) = delete;
  Gui& operator=(const Gui&) = delete;
};

void obey(ViewModel& view, PanelState& state, Events& events) {
  const bool typing = ImGui::GetIO().WantTextInput;
  for (const auto& [key, shift] : std::exchange(events.keys, {}))
    if (!typing || key == Key::escape) press(view, state, key, shift);
  state.blink = events.blink && !typing;
}

/// What keys and the command box asked for: pictures are drawn anew by the rasteriser, in a context of their own.
void write_picture(ViewModel& view, const WindowOptions& options, PanelState& state) {
  ImGuiContext* const mine = ImGui::GetCurrentContext();
  const ImVec2 size = ImGui::GetIO().DisplaySize;
  const std::string line = std::exchange(state.picture_wanted, {});
  if (line == "copy") return ImGui::SetClipboardText(state.hint.c_str());
  try {
    HeadlessOptions picture;
    picture.width = static_cast<int>(size.x);
    picture.height = static_cast<int>(size.y);
    picture.font = options.font;
    picture.font_size = options.font_size;
    picture.course = options.course;
    state.message = run_picture_command(view, line, picture);
    state.refused = false;
  } catch (const std::exception& error) {
    state.message = error.what();
    state.refused = true;
  }
  ImGui::SetCurrentContext(mine);
}

/// Other letters between frames: the atlas is made anew.
void resize_letters(Fonts& fonts, float size, const std::string& file) {
#if IMGUI_VERSION_NUM < 19200
  ImGui_ImplOpenGL3_DestroyFontsTexture();
#endif
  ImGui::GetIO().Fonts->Clear();
  fonts = load_fonts(size, file);
#if IMGUI_VERSION_NUM < 19200
  ImGui_ImplOpenGL3_CreateFontsTexture();
#endif
}

}  // namespace

void run_window(ViewModel& view, const WindowOptions& options) {
  const Screen screen(options.width, options.height);
  Events events;
  glfwSetWindowUserPointer(screen.window, &events);
  glfwSetKeyCallback(screen.window, on_key);
  glfwSetCursorPosCallback(screen.window, on_move);
  glfwSetMouseButtonCallback(screen.window, on_button);
  glfwSetScrollCallback(screen.window, on_scroll);
  glfwSetCharCallback(screen.window, on_char);
  glfwSetFramebufferSizeCallback(screen.window, on_size);
  glfwSetWindowRefreshCallback(screen.window, on_refresh);
  const Gui gui(screen.window);
  Fonts fonts = load_fonts(font_size_for(view, options.width, options.font_size), options.font);
  GlTextures textures;
  PanelState state;
  state.message = options.message;
  state.refused = !options.message.empty();
  state.course = options.course;
  view.work_in_background(true);
  double before = glfwGetTime();
  for (int frame = 0; !glfwWindowShouldClose(screen.window) && (options.frames == 0 || frame < options.frames);) {
    const bool busy = view.transport.playing() || events.frames_due > 0 || ImGui::GetIO().WantTextInput || options.frames > 0;
    // A blinking caret needs a few frames a second, playing needs them all, nothing else needs any.
    if (view.transport.playing() || events.frames_due > 0 || options.frames > 0)
      glfwPollEvents();
    else if (view.working())
      glfwWaitEventsTimeout(kProgress);
    else if (busy)
      glfwWaitEventsTimeout(0.25);
    else
      glfwWaitEvents();
    if (events.frames_due > 0) --events.frames_due;
    const double now = glfwGetTime(), passed = std::max(0.0, now - before);
    before = now;
    if (play(view, state, passed)) events.frames_due = kFramesAfterEvent;
    int wide = 0, high = 0;
    glfwGetWindowSize(screen.window, &wide, &high);
    if (const float wanted = font_size_for(view, wide, options.font_size); wanted != fonts.size)
      resize_letters(fonts, wanted, options.font);
    ImGui_ImplOpenGL3_NewFrame();
    ImGui_ImplGlfw_NewFrame();
    ImGui::GetIO().DeltaTime = std::max(ImGui::GetIO().DeltaTime, 1e-4f);
    obey(view, state, events);
    ImGui::NewFrame();
    draw_main_window(view, textures, fonts, state);
    ImGui::Render();
    if (!state.picture_wanted.empty()) write_picture(view, options, state);
    if (state.lit_for > 0 || state.working) events.frames_due = std::max(events.frames_due, 1);
    if (view.selection.changing()) events.frames_due = std::max(events.frames_due, 1);
    int width = 0, height = 0;
    glfwGetFramebufferSize(screen.window, &width, &height);
    glViewport(0, 0, width, height);
    glClearColor(0, 0, 0, 1);
    glClear(GL_COLOR_BUFFER_BIT);
    ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
    glfwSwapBuffers(screen.window);
    ++frame;
  }
}

}  // namespace fw::viz
