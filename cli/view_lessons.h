// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The lessons of fastweight view on the command line: which one, which card, all of them as pictures, their list.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "viz/model/course.h"

namespace fw::cli {

struct LessonArguments {
  std::string lesson;    ///< number, name, file ending in .json, or "all" for pictures
  std::string pictures;  ///< folder
  int card = 1;
  bool list = false, predict = false, solve = false;
  bool reduce = false;  ///< pictures of at most 255 colours
};

struct PictureSize {
  int width, height;
  std::string font;
  double font_size;
};

void add_lesson_options(CLI::App& command, LessonArguments& a);
void list_lessons(const LessonArguments& a);
/// The lessons there are, with the one that was asked for open. `keep`: read and keep progress.
std::shared_ptr<viz::Course> open_lesson(viz::ViewModel& view, const LessonArguments& a, bool keep);
/// Every card of the lesson, or of all, as PNG files NAME-CARD.png; a card that asks also as NAME-CARD-seen.png, with the outcome.
void picture_lessons(viz::ViewModel& view, const LessonArguments& a, const PictureSize& size);

}  // namespace fw::cli
