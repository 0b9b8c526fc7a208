// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A lesson is data: a JSON file of a few cards. A card has prose, a script that puts the view into the state it speaks of,
// perhaps a prediction that is asked for before its outcome is played, and perhaps a task with conditions that the program
// checks. Numbers in prose are quantities of that state (measure.h), written with what they should be, so that a test can
// hold every lesson to them. How to write one: docs/lessons/README.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "viz/model/measure.h"
#include "viz/model/prose.h"

namespace fw::viz {

/// A number in prose: {name} stands for what the quantity is, with so many digits; expect and tolerance are for the test.
struct LessonNumber {
  std::string name;
  Quantity quantity;
  double expect = 0.0, tolerance = 0.0;
  int digits = 3;
};

struct Prediction {
  Prose question;
  std::vector<std::string> choices;
  int answer = 0;                     ///< index of the right choice
  std::string script;                 ///< what then happens
  Prose text;                         ///< said about it
  std::vector<LessonNumber> numbers;  ///< of the state after the script
};

struct Task {
  struct Check {
    Condition that;
    std::string text, says;  ///< the condition as written; in words
  };
  Prose text;
  std::vector<Check> checks;
  std::string solution;  ///< one that works, as a script
};

struct Card {
  Prose text;
  std::vector<std::string> focus;    ///< panels that light up when the card appears
  std::optional<std::string> setup;  ///< starts anew with this script; without it the card goes on where the last one ended
  std::string script;                ///< run after that
  std::vector<LessonNumber> numbers;
  std::optional<Prediction> ask;
  std::optional<Task> task;
};

struct Lesson {
  std::string name;  ///< short, for commands and files
  std::string title;
  Prose goal;
  std::vector<std::string> panels;  ///< up to three of those of the bottom row
  std::vector<Card> cards;          ///< four to seven
};

/// Throws fw::Error "lesson: FILE: card 2: task: checks: expected ..., got ...": keys that are missing, unknown or of the wrong
/// type, scripts and conditions that cannot be read, numbers in prose that are not defined or defined and not used.
Lesson parse_lesson(std::string_view text, std::string_view name);
Lesson load_lesson(const std::string& path);

/// Those compiled in, in their order.
const std::vector<Lesson>& built_in_lessons();
/// Index of a lesson by number (from 1) or name. Throws fw::Error with the names there are.
int find_lesson(const std::vector<Lesson>& lessons, const std::string& wanted);

/// The text files behind them, [file name, text]; generated from viz/lessons.
const std::vector<std::pair<std::string, std::string>>& lesson_files();

}  // namespace fw::viz
