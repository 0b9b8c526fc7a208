// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "view_lessons.h"

#include <filesystem>
#include <iostream>

#include "core/error.h"
#include "viz/model/session.h"
#ifdef FASTWEIGHT_WITH_DRAWING
#include "viz/app/headless.h"
#include "viz/raster/animation.h"
#endif

namespace fw::cli {
namespace {

bool is_file(const std::string& lesson) { return lesson.size() > 5 && lesson.substr(lesson.size() - 5) == ".json"; }

std::vector<viz::Lesson> lessons_of(const LessonArguments& a) {
  return is_file(a.lesson) ? std::vector<viz::Lesson>{viz::load_lesson(a.lesson)} : viz::built_in_lessons();
}

/// Open a card; the right prediction made and the task solved when that was asked for.
void open_card(viz::Course& room, viz::ViewModel& view, int lesson, int card, bool predict, bool solve) {
  room.start(view, lesson, card);
  if (room.card().ask && (predict || solve)) room.predict(view, room.card().ask->answer);
  if (solve) room.solve(view);
}

}  // namespace

void add_lesson_options(CLI::App& command, LessonArguments& a) {
  CLI::Option* lesson = command.add_option("--lesson", a.lesson, "open a lesson: its number, its name, a lesson file of your own (.json)");
  command.add_option("--card", a.card, "of the lesson, from 1")->needs(lesson)->capture_default_str();
  command.add_flag("--predicted", a.predict, "with the card's question answered and its outcome played")->needs(lesson);
  command.add_flag("--solved", a.solve, "with the card's task solved as well")->needs(lesson);
  command.add_flag("--list-lessons", a.list, "print the lessons");
  command.add_option("--screenshots", a.pictures, "write every card of the lesson (or of all: --lesson all) as PNG into this folder")
      ->needs(lesson);
}

void list_lessons(const LessonArguments& a) {
  viz::ViewModel view;
  viz::Course room(lessons_of(a), viz::default_progress_path());
  std::cout << viz::describe(room, view);
}

std::shared_ptr<viz::Course> open_lesson(viz::ViewModel& view, const LessonArguments& a, bool keep) {
  auto room = std::make_shared<viz::Course>(lessons_of(a), keep ? viz::default_progress_path() : std::string());
  if (a.lesson.empty()) return room;
  open_card(*room, view, is_file(a.lesson) ? 0 : viz::find_lesson(room->lessons(), a.lesson), a.card - 1, a.predict, a.solve);
  return room;
}

void picture_lessons(viz::ViewModel& view, const LessonArguments& a, const PictureSize& size) {
#ifdef FASTWEIGHT_WITH_DRAWING
  const auto room = std::make_shared<viz::Course>(lessons_of(a));
  viz::HeadlessOptions options;
  options.width = size.width;
  options.height = size.height;
  options.font = size.font;
  options.font_size = static_cast<float>(size.font_size);
  options.course = room;
  const auto png = [&] {
    const viz::Image image = viz::screenshot(view, options);
    return a.reduce ? viz::reduced_png_bytes(image) : viz::png_bytes(image);
  };
  std::error_code code;
  std::filesystem::create_directories(a.pictures, code);
  const bool all = a.lesson == "all" || is_file(a.lesson);
  const int wanted = all ? -1 : viz::find_lesson(room->lessons(), a.lesson);
  for (int lesson = 0; lesson < static_cast<int>(room->lessons().size()); ++lesson) {
    if (wanted >= 0 && wanted != lesson) continue;
    const auto& cards = room->lessons()[static_cast<std::size_t>(lesson)].cards;
    for (int card = 0; card < static_cast<int>(cards.size()); ++card) {
      const std::string name =
          (std::filesystem::path(a.pictures) / (room->lessons()[static_cast<std::size_t>(lesson)].name + "-" + std::to_string(card + 1)))
              .string();
      room->leave(view);
      open_card(*room, view, lesson, card, false, false);
      viz::write_whole(name + ".png", png());
      if (!room->card().ask) continue;
      room->predict(view, room->card().ask->answer);
      viz::write_whole(name + "-seen.png", png());
    }
  }
#else
  static_cast<void>(view), static_cast<void>(a), static_cast<void>(size);
  throw Error("view: --screenshots: expected a program built with Dear ImGui and stb (libimgui-dev libstb-dev), got one without");
#endif
}

}  // namespace fw::cli
