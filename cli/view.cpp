// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight view: the visualizer. With --screenshot, --describe or --csv it needs no display and ends by itself.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>

#include "commands.h"
#include "core/error.h"
#include "view_lessons.h"
#include "view_time.h"
#include "viz/model/changes.h"
#include "viz/model/describe.h"
#include "viz/model/session.h"
#include "viz/model/tables.h"
#include "viz/model/trace.h"
#ifdef FASTWEIGHT_WITH_DRAWING
#include "viz/app/pictures.h"
#include "viz/raster/animation.h"
#endif
#ifdef FASTWEIGHT_WITH_WINDOW
#include "viz/window/window.h"
#endif

namespace fw::cli {
namespace {

struct ViewArguments {
  std::string screenshot, size = "1600x1000", theme, script, session, trace, save, save_trace, csv, font, panel, svg, panels, animate;
  double font_size = 0;
  int t = -1, frames = 0, sequence = 0, head = 0, layer = -1, length = 0, scale = 1;
  std::string prompt;
  viz::ModelSource model;
  bool describe = false, prompt_given = false, time = false;
  LessonArguments lesson;
  bool pictures() const { return !screenshot.empty() || !svg.empty() || !panels.empty() || !animate.empty(); }
  bool headless() const { return !save.empty() || !save_trace.empty() || !csv.empty() || pictures() || describe || time; }
};

void parse_size(const std::string& text, int& width, int& height) {
  char rest = 0;
  if (std::sscanf(text.c_str(), "%dx%d%c", &width, &height, &rest) != 2 || width < 320 || width > 6400 || height < 320 || height > 6400)
    throw Error("view: --size: expected WIDTHxHEIGHT, each 320 to 6400, got " + text);
}

void draw(viz::ViewModel& view, const ViewArguments& a, int width, int height, std::shared_ptr<viz::Course> course) {
#ifdef FASTWEIGHT_WITH_DRAWING
  viz::HeadlessOptions options;
  options.width = width;
  options.height = height;
  options.font = a.font;
  options.font_size = static_cast<float>(a.font_size);
  options.course = std::move(course);
  options.scale = a.scale;
  const auto png = [&](const viz::Image& image) { return a.lesson.reduce ? viz::reduced_png_bytes(image) : viz::png_bytes(image); };
  if (!a.screenshot.empty())
    viz::write_whole(a.screenshot, png(a.panel.empty() ? viz::screenshot(view, options) : viz::panel_picture(view, a.panel, options)));
  if (!a.svg.empty()) viz::write_whole(a.svg, viz::panel_svg(view, a.panel, options));
  if (!a.panels.empty()) std::cout << viz::write_panels(view, a.panels, options) << " files in " << a.panels << "\n";
  if (!a.animate.empty()) viz::write_animation(view, a.animate, options, std::min(1, view.length()), view.length());
#else
  static_cast<void>(view), static_cast<void>(a), static_cast<void>(width), static_cast<void>(height);
  throw Error(
      "view: pictures: expected a program built with Dear ImGui and stb (libimgui-dev libstb-dev), got one without; --describe and "
      "--csv work");
#endif
}

void open_window(viz::ViewModel& view, const ViewArguments& a, int width, int height, std::shared_ptr<viz::Course> course,
                 const std::string& message = {}) {
#ifdef FASTWEIGHT_WITH_WINDOW
  viz::WindowOptions options;
  options.width = width;
  options.height = height;
  options.font = a.font;
  options.font_size = static_cast<float>(a.font_size);
  options.frames = a.frames;
  options.message = message;
  options.course = std::move(course);
  viz::run_window(view, options);
#else
  static_cast<void>(view), static_cast<void>(a), static_cast<void>(width), static_cast<void>(height);
  if (!message.empty()) throw Error(message);
  throw Error(
      "view: expected a program built with a window (libimgui-dev libglfw3-dev libgl-dev), got one without; try --screenshot FILE or "
      "--describe");
#endif
}

/// What was asked for, and where the lessons stand.
std::shared_ptr<viz::Course> open_source(viz::ViewModel& view, const ViewArguments& a) {
  if (!a.session.empty()) viz::load_session(view, a.session);
  if (!a.trace.empty()) view.open_trace({a.trace, a.sequence, a.head, a.layer});
  if (!a.model.path.empty()) {
    viz::ModelSource source = a.model;
    if (a.prompt_given) source.prompt = a.prompt;
    source.layer = a.layer, source.head = a.head, source.drawn = a.length;
    view.open_model(source);
  }
  const std::string script = a.script.empty() ? std::string() : viz::read_text(a.script, "script");
  const bool afresh = a.session.empty() && a.trace.empty() && a.model.path.empty();
  view.when_ready([scripted = !a.script.empty(), script, afresh, theme = a.theme](viz::ViewModel& opened) {
    if (scripted && afresh) opened.enter("clear");
    if (scripted) opened.run_script(script);
    if (!theme.empty()) opened.enter("set theme " + theme);
  });
  if (!a.lesson.pictures.empty()) return nullptr;
  auto course = open_lesson(view, a.lesson, !a.headless());
  if (a.t >= 0) view.when_ready([t = a.t](viz::ViewModel& opened) { opened.enter("go " + std::to_string(t)); });
  return course;
}

void run_view(const ViewArguments& a) {
  int width = 0, height = 0;
  parse_size(a.size, width, height);
  if (a.lesson.list) return list_lessons(a.lesson);
  if (a.time) return print_view_times([&](viz::ViewModel& view) { open_source(view, a); }, width, height);
  viz::ViewModel view;
  std::shared_ptr<viz::Course> course;
  view.work_in_background(!a.headless() && a.lesson.lesson.empty());  // the window is there at once
  try {
    course = open_source(view, a);
  } catch (const Error& error) {
    // A window says it itself: what was asked for may be gone, the rest can be used.
    if (a.headless() || a.model.path.empty() + a.session.empty() + a.trace.empty() == 3) throw;
    return open_window(view, a, width, height, open_lesson(view, {}, true), error.what());
  }
  if (!a.lesson.pictures.empty()) return picture_lessons(view, a.lesson, {width, height, a.font, a.font_size});
  if (!a.save.empty()) viz::save_session(view, a.save);
  if (!a.save_trace.empty()) write_safetensors(a.save_trace, viz::case_of(view.a()));
  if (!a.csv.empty()) viz::write_whole(a.csv, a.panel.empty() ? viz::csv_of(view) : viz::table_of(view, a.panel));
  if (a.pictures()) draw(view, a, width, height, course);
  if (a.describe && course->in_lesson()) std::cout << viz::describe(*course, view) << "\n";
  if (a.describe) std::cout << viz::describe(view);
  if (a.describe && view.history().count() > 2) std::cout << viz::history_text(view.history());  // more than opening something
  if (!a.headless()) open_window(view, a, width, height, course);
}

}  // namespace

void add_view(CLI::App& app, int& status) {
  auto a = std::make_shared<ViewArguments>();
  CLI::App* command = app.add_subcommand("view", "look into one head's memory, token by token: a window, a picture or a text");
  command->add_option("--script", a->script, "file with commands, one a line: Ana=red, del Ana, Ana?, set b gdn, go 5");
  CLI::Option* session = command->add_option("--session", a->session, "open a saved session");
  command->add_option("--trace", a->trace, "tensors as verify takes them instead of typed facts: a kernel's dump, a golden file")
      ->excludes(session);
  command->add_option("--sequence", a->sequence, "of the trace")->capture_default_str();
  CLI::Option* checkpoint =
      command->add_option("--checkpoint", a->model.path, "a trained model: folder with config.json and model.safetensors")
          ->excludes(session)
          ->excludes("--trace");
  CLI::Option* prompt =
      command->add_option("--prompt", a->prompt, "what it reads: words of its task, or a text for a model of bytes")->needs(checkpoint);
  command->add_option("--example", a->model.example, "a sequence of its task's evaluation stream instead (default 0)")
      ->check(CLI::NonNegativeNumber)
      ->needs(checkpoint)
      ->excludes(prompt);
  command->add_option("--task", a->model.task, "the task (default: the one it was trained on)")->needs(checkpoint);
  command->add_option("--set", a->model.settings, "settings of the task: \"T=64\"")->needs(checkpoint);
  command->add_option("--length", a->length, "tokens drawn after the prompt")
      ->check(CLI::Range(0, viz::Decoder::kMostTokens))
      ->needs(prompt);
  command->add_option("--temperature", a->model.temperature, "0: the likeliest token (default)")
      ->check(CLI::NonNegativeNumber)
      ->needs(checkpoint);
  command->add_option("--top-k", a->model.top_k, "draw among the k likeliest; 0: all (default)")
      ->check(CLI::NonNegativeNumber)
      ->needs(checkpoint);
  command->add_option("--seed", a->model.seed, "of the draws, or of the evaluation stream (default 0)")->needs(checkpoint);
  command->add_flag("--rerun", a->model.rerun, "B: run the whole model again with B's gates in all heads")->needs(checkpoint);
  command->add_option("--layer", a->layer, "of a model or its trace: number in the stack (default: the first with a memory)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--head", a->head, "value head of the trace or model")->capture_default_str();
  command->add_option("--t", a->t, "the token to stand at");
  command->add_option("--screenshot", a->screenshot, "write the window as PNG; needs no display");
  command->add_option("--panel", a->panel,
                      "of one panel alone instead of the window: with --screenshot, --svg and --csv; memory, gates, ...");
  command->add_option("--scale", a->scale, "pixels for each pixel, letters as large")->check(CLI::Range(1, 4))->capture_default_str();
  command->add_flag("--reduce", a->lesson.reduce, "pictures of at most 255 colours: less than half the size");
  command->add_option("--svg", a->svg, "write the panel as SVG: letters and lines stay such")->needs("--panel");
  command->add_option("--panels", a->panels, "write every panel into a folder, as PNG, SVG and CSV");
  command->add_option("--animate", a->animate, "write the window over all tokens as animated PNG");
  command->add_option("--size", a->size, "of window and picture in pixels")->capture_default_str();
  command->add_option("--theme", a->theme, "light or dark");
  command->add_option("--font", a->font, "TrueType file (default: DejaVu Sans where it is installed)");
  command->add_option("--font-size", a->font_size, "in pixels (default: by the width)");
  command->add_flag("--time", a->time, "print what opening, sliders, scrubbing and frames cost here");
  command->add_flag("--describe", a->describe, "print the moment as Markdown");
  command->add_option("--csv", a->csv, "write every quantity over time: t,head,quantity,item,value; with --panel that panel's numbers");
  command->add_option("--frames", a->frames, "close the window after so many frames")->check(CLI::PositiveNumber);
  command->add_option("--save", a->save, "write the session as JSON");
  command->add_option("--save-trace", a->save_trace, "write A's run as tensors that fastweight verify judges");
  add_lesson_options(*command, a->lesson);
  command->footer(
      "Example:\n  fastweight view --screenshot out.png --theme dark --t 14\n  fastweight view --panel gates --svg gates.svg --csv "
      "gates.csv\n  fastweight view --script facts.txt --describe\n  fastweight view --lesson fading\n"
      "  fastweight view --checkpoint notebooks_data/checkpoints/pour_gdn2_neg --example 3 --head 1 --screenshot out.png");
  command->callback([a, prompt, &status] {
    a->prompt_given = prompt->count() > 0;
    run_view(*a);
    status = 0;
  });
}

}  // namespace fw::cli
