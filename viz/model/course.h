// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Lessons being taken: which card is open, what was predicted, whether the task's conditions hold on the view as it is now,
// and what has been done so far. Entering a card replays its scripts into the view; leaving a lesson gives the view back as it
// was before, with its history. Progress is kept in a small file when there is a place for it; nothing depends on it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "viz/model/lesson.h"

namespace fw::viz {

/// What has been done in one lesson, by card number from 0.
struct LessonProgress {
  std::map<int, int> predictions;  ///< card -> the choice made first
  std::set<int> solved;
  bool operator==(const LessonProgress&) const = default;
};

class Course {
 public:
  /// `progress`: the file to read and keep, empty: none. A file that is no progress is left alone, and message() says so.
  explicit Course(std::vector<Lesson> lessons, std::string progress = {});

  const std::vector<Lesson>& lessons() const { return lessons_; }
  /// Is the panel shown (the list, or a lesson)?
  bool open() const { return open_; }
  /// Lesson and card, from 0; lesson -1: the list.
  int lesson_index() const { return lesson_; }
  int card_index() const { return card_; }
  const Lesson& lesson() const { return lessons_[static_cast<std::size_t>(lesson_)]; }
  const Card& card() const { return lesson().cards[static_cast<std::size_t>(card_)]; }
  bool in_lesson() const { return open_ && lesson_ >= 0; }

  void show_list(ViewModel& view);
  /// Throws fw::Error, and nothing changes, when a script of the lesson cannot be run.
  void start(ViewModel& view, int lesson, int card = 0);
  bool next(ViewModel& view);
  bool back(ViewModel& view);
  /// The card again, with its predictions as they stand.
  void again(ViewModel& view);
  /// Predict; plays what then happens. The first choice counts.
  void predict(ViewModel& view, int choice);
  /// The choice made on this card since the lesson was entered; -1: none yet.
  int predicted() const;
  bool revealed() const { return predicted() >= 0; }
  /// Leave the lessons: the view as it was before them, or as it stands now to go on playing with.
  void leave(ViewModel& view);
  void sandbox(ViewModel& view);
  /// Run the solution that the lesson has for its task, from the card's own state.
  void solve(ViewModel& view);

  struct Tick {
    double value = 0.0;
    bool held = false;
  };
  /// The conditions of the card's task on the view as it is; remembers that the task was solved.
  const std::vector<Tick>& ticks(const ViewModel& view);

  bool solved(int lesson, int card) const;
  bool done(int lesson) const;
  int done() const;
  /// Of the numbers in the prose: worked out on the card's own state, whatever has been typed since.
  Prose card_text() const;
  Prose answer_text() const;
  const std::map<std::string, double>& values() const { return values_; }
  const std::map<std::string, double>& answer_values() const { return answer_values_; }
  /// Grows when another card is shown.
  int shown() const { return shown_; }
  const std::string& message() const { return message_; }

 private:
  void enter(ViewModel& view, int lesson, int card, const std::map<int, int>& predicted);
  void replay(ViewModel& view, int lesson, int card, bool after) const;
  void remember();

  std::vector<Lesson> lessons_;
  std::string path_, message_;
  bool open_ = false;
  int lesson_ = -1, card_ = 0, shown_ = 0;
  std::map<int, int> predicted_;  ///< of this visit, by card
  std::map<std::string, double> values_, answer_values_;
  std::map<std::string, LessonProgress> progress_;
  std::shared_ptr<const ViewModel> before_;  ///< the view outside of the lessons
  std::vector<Tick> ticks_;
  int ticks_of_ = -1, ticks_at_ = -1, ticks_card_ = -1;
};

/// Where progress is kept: a file in the user's configuration folder; empty when there is no such folder to be found.
std::string default_progress_path();

/// The command box's words: lesson (the list), lesson 4, lesson fading, lesson next, back, again, solve, sandbox, leave, and
/// predict 2. What was done; empty when the line is none of these. Throws fw::Error.
std::string run_lesson_command(Course& course, ViewModel& view, std::string_view line);

/// The open card as Markdown: text, prediction, task with its conditions as they stand.
std::string describe(Course& course, const ViewModel& view);

}  // namespace fw::viz
