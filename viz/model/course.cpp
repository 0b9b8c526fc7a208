// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/course.h"

#include <fmt/format.h>

#include <filesystem>
#include <sstream>

#include "core/error.h"
#include "viz/model/progress.h"
#include "viz/model/session.h"

namespace fw::viz {
namespace {

/// An empty log, one head, the plain map; theme, letters and motion are the reader's own.
void start_fresh(ViewModel& view) {
  Document fresh;
  fresh.compare = false;
  view.open(std::move(fresh));
  view.options.map = Map::state;
  view.options.heads = Heads::both;
  view.options.root_scale = false;
  view.options.run_range = true;
}

void play(ViewModel& view, const std::string& script) {
  if (script.empty()) return;
  view.transport.to_end();  // scripts go on where the last one ended; one that wants to look back says "go"
  view.run_script(script);
}

std::map<std::string, double> measured(const ViewModel& view, const std::vector<LessonNumber>& numbers) {
  std::map<std::string, double> out;
  for (const LessonNumber& number : numbers) out[number.name] = measure(view, number.quantity);
  return out;
}

Prose filled(Prose prose, const std::map<std::string, double>& values, const std::vector<LessonNumber>& numbers) {
  for (ProseSpan& span : prose) {
    if (span.kind != ProseSpan::Kind::number) continue;
    for (const LessonNumber& number : numbers) {
      if (number.name != span.text) continue;
      std::string shown = fmt::format("{:.{}f}", values.at(number.name), number.digits);
      if (shown[0] == '-')
        shown = shown.find_first_of("123456789") == std::string::npos ? shown.substr(1) : "\xe2\x88\x92" + shown.substr(1);
      span.text = shown;
      break;
    }
  }
  return prose;
}

}  // namespace

Course::Course(std::vector<Lesson> lessons, std::string progress) : lessons_(std::move(lessons)), path_(std::move(progress)) {
  std::error_code ignored;
  if (path_.empty() || !std::filesystem::exists(path_, ignored)) return;
  try {
    progress_ = parse_progress(read_text(path_, "progress", std::size_t{1} << 20), path_);
  } catch (const Error& error) {
    message_ = std::string(error.what()) + "; it is left as it is and nothing is kept";
    path_.clear();
  }
}

void Course::remember() {
  if (path_.empty()) return;
  try {
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
    write_whole(path_, progress_text(progress_));
  } catch (const Error& error) {
    message_ = std::string(error.what()) + "; progress is not kept";
    path_.clear();
  }
}

/// The state of a card: from the last setup up to it, every script and outcome in between; `after`: its own outcome too.
void Course::replay(ViewModel& view, int lesson, int card, bool after) const {
  const auto& cards = lessons_[static_cast<std::size_t>(lesson)].cards;
  int first = card;
  while (first > 0 && !cards[static_cast<std::size_t>(first)].setup) --first;
  start_fresh(view);
  for (int n = first; n <= card; ++n) {
    const Card& one = cards[static_cast<std::size_t>(n)];
    try {
      if (n == first) play(view, *one.setup);
      play(view, one.script);
      if (one.ask && (n < card || after)) play(view, one.ask->script);
    } catch (const Error& error) {
      throw Error("lesson " + lessons_[static_cast<std::size_t>(lesson)].name + ": card " + std::to_string(n + 1) + ": " + error.what());
    }
  }
}

void Course::enter(ViewModel& view, int lesson, int card, const std::map<int, int>& predicted) {
  const Card& next = lessons_[static_cast<std::size_t>(lesson)].cards[static_cast<std::size_t>(card)];
  ViewModel scratch;
  replay(scratch, lesson, card, false);
  auto values = measured(scratch, next.numbers);
  std::map<std::string, double> answers;
  if (next.ask) {
    replay(scratch, lesson, card, true);
    answers = measured(scratch, next.ask->numbers);
  }
  // All scripts have run once: from here on nothing is refused.
  if (before_ == nullptr) before_ = std::make_shared<const ViewModel>(view);
  replay(view, lesson, card, predicted.count(card) > 0);
  values_ = std::move(values);
  answer_values_ = std::move(answers);
  predicted_ = predicted;
  lesson_ = lesson;
  card_ = card;
  open_ = true;
  ++shown_;
}

void Course::start(ViewModel& view, int lesson, int card) {
  if (lesson < 0 || lesson >= static_cast<int>(lessons_.size()))
    throw Error("lesson: expected a number from 1 to " + std::to_string(lessons_.size()) + ", got " + std::to_string(lesson + 1));
  const int cards = static_cast<int>(lessons_[static_cast<std::size_t>(lesson)].cards.size());
  if (card < 0 || card >= cards)
    throw Error("lesson " + lessons_[static_cast<std::size_t>(lesson)].name + ": expected a card from 1 to " + std::to_string(cards) +
                ", got " + std::to_string(card + 1));
  enter(view, lesson, card, lesson == lesson_ ? predicted_ : std::map<int, int>());
}

void Course::show_list(ViewModel& view) {
  leave(view);
  open_ = true;
}

bool Course::next(ViewModel& view) {
  if (!in_lesson() || card_ + 1 >= static_cast<int>(lesson().cards.size())) return false;
  enter(view, lesson_, card_ + 1, predicted_);
  return true;
}

bool Course::back(ViewModel& view) {
  if (!in_lesson() || card_ == 0) return false;
  enter(view, lesson_, card_ - 1, predicted_);
  return true;
}

void Course::again(ViewModel& view) {
  if (in_lesson()) enter(view, lesson_, card_, predicted_);
}

int Course::predicted() const {
  const auto found = predicted_.find(card_);
  return found == predicted_.end() ? -1 : found->second;
}

void Course::predict(ViewModel& view, int choice) {
  if (!in_lesson() || !card().ask || revealed()) return;
  if (choice < 0 || choice >= static_cast<int>(card().ask->choices.size()))
    throw Error("predict: expected a choice from 1 to " + std::to_string(card().ask->choices.size()) + ", got " +
                std::to_string(choice + 1));
  replay(view, lesson_, card_, true);
  predicted_[card_] = choice;
  progress_[lesson().name].predictions.try_emplace(card_, choice);
  remember();
}

void Course::leave(ViewModel& view) {
  if (before_ != nullptr) {
    const ViewOptions now = view.options;
    const ViewOptions& then = before_->options;
    view.restore(*before_);
    view.options = now;
    view.options.map = then.map;
    view.options.heads = then.heads;
    view.options.root_scale = then.root_scale;
    view.options.run_range = then.run_range;
  }
  sandbox(view);
}

void Course::sandbox(ViewModel&) {
  before_ = nullptr;
  open_ = false;
  lesson_ = -1;
  card_ = 0;
  predicted_.clear();
}

void Course::solve(ViewModel& view) {
  if (!in_lesson() || !card().task) return;
  again(view);
  view.run_script(card().task->solution);
}

const std::vector<Course::Tick>& Course::ticks(const ViewModel& view) {
  if (!in_lesson() || !card().task) {
    ticks_.clear();
    ticks_of_ = -1;
    return ticks_;
  }
  if (ticks_of_ == view.generation() && ticks_at_ == view.transport.t() && ticks_card_ == shown_) return ticks_;
  ticks_of_ = view.generation();
  ticks_at_ = view.transport.t();
  ticks_card_ = shown_;
  ticks_.clear();
  bool all = true;
  for (const Task::Check& check : card().task->checks) {
    const double value = measure(view, check.that.quantity);
    ticks_.push_back({value, holds(value, check.that)});
    all = all && ticks_.back().held;
  }
  // A task on a card with a prediction counts after the prediction only.
  if (all && (!card().ask || revealed()) && progress_[lesson().name].solved.insert(card_).second) remember();
  return ticks_;
}

bool Course::solved(int lesson, int card) const {
  const auto found = progress_.find(lessons_[static_cast<std::size_t>(lesson)].name);
  return found != progress_.end() && found->second.solved.count(card) > 0;
}

bool Course::done(int lesson) const {
  const Lesson& one = lessons_[static_cast<std::size_t>(lesson)];
  const auto found = progress_.find(one.name);
  for (int n = 0; n < static_cast<int>(one.cards.size()); ++n) {
    const Card& card = one.cards[static_cast<std::size_t>(n)];
    if (card.task && !solved(lesson, n)) return false;
    if (card.ask && (found == progress_.end() || found->second.predictions.count(n) == 0)) return false;
  }
  return true;
}

int Course::done() const {
  int count = 0;
  for (int n = 0; n < static_cast<int>(lessons_.size()); ++n) count += done(n) ? 1 : 0;
  return count;
}

Prose Course::card_text() const { return filled(card().text, values_, card().numbers); }
Prose Course::answer_text() const { return card().ask ? filled(card().ask->text, answer_values_, card().ask->numbers) : Prose(); }

}  // namespace fw::viz
