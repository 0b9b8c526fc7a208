// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/lesson.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "viz/model/directives.h"
#include "viz/model/session.h"

namespace fw::viz {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kVersion = 1, kMostRepeats = 256;
constexpr std::size_t kLeastCards = 4, kMostCards = 7, kBottomPanels = 3;

std::string shown(const Json& json) {
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

/// One object of a lesson file and the keys that were asked for: whatever is missing, mistyped or left over is refused by path.
class Reader {
 public:
  Reader(const Json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json_.is_object()) throw Error("lesson: " + path_ + ": expected an object, got " + shown(json_));
  }
  [[noreturn]] void fail(const std::string& key, const std::string& expected, const std::string& got) const {
    throw Error("lesson: " + path_ + ": " + key + ": expected " + expected + ", got " + got);
  }
  bool has(const std::string& key) { return asked_.insert(key), json_.contains(key); }
  const Json& at(const std::string& key, const std::string& expected) {
    asked_.insert(key);
    const auto found = json_.find(key);
    if (found == json_.end()) fail(key, expected, "nothing");
    return *found;
  }
  std::string text(const std::string& key) {
    const Json& j = at(key, "a text");
    if (!j.is_string() || j.get<std::string>().empty()) fail(key, "a text", shown(j));
    return j.get<std::string>();
  }
  Prose prose(const std::string& key) {
    const std::string all = text(key);
    return read<Prose>(key, [&] { return parse_prose(all); });
  }
  double number(const std::string& key, double least, double most) {
    const std::string expected = "a number in [" + shortest(least) + "," + shortest(most) + "]";
    const Json& j = at(key, expected);
    if (!j.is_number() || !(j.get<double>() >= least && j.get<double>() <= most)) fail(key, expected, shown(j));
    return j.get<double>();
  }
  int integer(const std::string& key, int least, int most) {
    const double x = number(key, least, most);
    if (x != static_cast<int>(x)) fail(key, "a whole number", shown(json_.at(key)));
    return static_cast<int>(x);
  }
  const Json& list(const std::string& key, std::size_t least, std::size_t most) {
    const std::string expected = "a list of " + std::to_string(least) + " to " + std::to_string(most);
    const Json& j = at(key, expected);
    if (!j.is_array()) fail(key, expected, shown(j));
    if (j.size() < least || j.size() > most) fail(key, expected, std::to_string(j.size()));
    return j;
  }
  std::vector<std::string> texts(const std::string& key, std::size_t least, std::size_t most) {
    std::vector<std::string> out;
    for (const Json& j : list(key, least, most)) {
      if (!j.is_string() || j.get<std::string>().empty()) fail(key, "texts", shown(j));
      out.push_back(j.get<std::string>());
    }
    return out;
  }
  /// Lines of the command box; {"repeat": 8, "lines": [...]} stands for itself so many times.
  std::string script(const std::string& key) {
    std::string out;
    for (const Json& j : list(key, 0, 200)) {
      if (j.is_string()) {
        line(key, j.get<std::string>(), out);
        continue;
      }
      Reader loop(j, path_ + ": " + key);
      const int times = loop.integer("repeat", 1, kMostRepeats);
      std::string once;
      for (const std::string& text : loop.texts("lines", 1, 64)) line(key, text, once);
      for (int n = 0; n < times; ++n) out += once;
      loop.ends();
    }
    return out;
  }
  template <class T, class F>
  T read(const std::string& key, F parse) const {
    try {
      return parse();
    } catch (const Error& error) {
      throw Error("lesson: " + path_ + ": " + key + ": " + error.what());
    }
  }
  Reader object(const std::string& key) { return Reader(at(key, "an object"), path_ + ": " + key); }
  Reader element(const Json& json, const std::string& what) const { return Reader(json, path_ + ": " + what); }
  const Json& json() const { return json_; }
  /// Every key of the file must have been asked for.
  void ends() const {
    for (const auto& [key, value] : json_.items())
      if (asked_.count(key) == 0) fail(key, "a known key", shown(value));
  }

 private:
  void line(const std::string& key, const std::string& text, std::string& out) const {
    if (!is_directive(text)) read<bool>(key, [&] { return parse_command(text).has_value(); });
    out += text + "\n";
  }
  const Json& json_;
  std::string path_;
  std::set<std::string> asked_;
};

std::vector<LessonNumber> numbers_from(Reader& in) {
  std::vector<LessonNumber> out;
  if (!in.has("numbers")) return out;
  Reader all = in.object("numbers");
  for (const auto& [name, json] : all.json().items()) {
    Reader one = all.object(name);
    LessonNumber number;
    number.name = name;
    const std::string text = one.text("is");
    number.quantity = one.read<Quantity>("is", [&] { return parse_quantity(text); });
    number.expect = one.number("expect", -1e9, 1e9);
    number.tolerance = one.number("tolerance", 1e-12, 1e3);
    if (one.has("digits")) number.digits = one.integer("digits", 0, 6);
    one.ends();
    out.push_back(std::move(number));
  }
  return out;
}

/// Every {name} is defined and every number is used.
void match(const Reader& in, const std::vector<LessonNumber>& numbers, const std::vector<const Prose*>& texts) {
  std::set<std::string> used;
  for (const Prose* prose : texts)
    for (const ProseSpan& span : *prose)
      if (span.kind == ProseSpan::Kind::number) used.insert(span.text);
  for (const LessonNumber& number : numbers)
    if (used.erase(number.name) == 0) in.fail("numbers", "only numbers that the text shows", "\"" + number.name + "\"");
  if (!used.empty()) in.fail("numbers", "{" + *used.begin() + "} of the text", "nothing");
}

Prediction prediction_from(Reader in) {
  Prediction ask;
  ask.question = in.prose("question");
  ask.choices = in.texts("choices", 2, 4);
  ask.answer = in.integer("answer", 1, static_cast<int>(ask.choices.size())) - 1;
  ask.script = in.script("script");
  ask.text = in.prose("text");
  ask.numbers = numbers_from(in);
  match(in, ask.numbers, {&ask.text});
  match(in, {}, {&ask.question});
  in.ends();
  return ask;
}

Task task_from(Reader in) {
  Task task;
  task.text = in.prose("text");
  match(in, {}, {&task.text});
  for (const Json& json : in.list("checks", 1, 5)) {
    Reader one = in.element(json, "checks");
    Task::Check check;
    check.text = one.text("that");
    check.that = one.read<Condition>("that", [&] { return parse_condition(check.text); });
    check.says = one.text("says");
    one.ends();
    task.checks.push_back(std::move(check));
  }
  task.solution = in.script("solution");
  in.ends();
  return task;
}

Card card_from(Reader in) {
  Card card;
  card.text = in.prose("text");
  if (in.has("focus")) card.focus = in.texts("focus", 1, 3);
  for (const std::string& panel : card.focus)
    if (!is_panel(panel)) in.fail("focus", "the name of a panel", "\"" + panel + "\"");
  if (in.has("setup")) card.setup = in.script("setup");
  if (in.has("script")) card.script = in.script("script");
  card.numbers = numbers_from(in);
  match(in, card.numbers, {&card.text});
  if (in.has("ask")) card.ask = prediction_from(in.object("ask"));
  if (in.has("task")) card.task = task_from(in.object("task"));
  in.ends();
  return card;
}

}  // namespace

Lesson parse_lesson(std::string_view text, std::string_view name) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::exception& error) {
    throw Error("lesson: " + std::string(name) + ": expected JSON, got " + error.what());
  }
  Reader in(json, std::string(name));
  in.integer("fastweight_lesson", kVersion, kVersion);
  Lesson lesson;
  lesson.name = in.text("name");
  if (lesson.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
    in.fail("name", "small letters, digits and -", "\"" + lesson.name + "\"");
  lesson.title = in.text("title");
  lesson.goal = in.prose("goal");
  match(in, {}, {&lesson.goal});
  lesson.panels = in.texts("panels", kBottomPanels, kBottomPanels);
  for (const std::string& panel : lesson.panels)
    if (!is_bottom_panel(panel)) in.fail("panels", "attention, retention, interference, spectrum or gauges", "\"" + panel + "\"");
  for (const Json& card : in.list("cards", kLeastCards, kMostCards))
    lesson.cards.push_back(card_from(in.element(card, "card " + std::to_string(lesson.cards.size() + 1))));
  if (!lesson.cards[0].setup) in.fail("card 1: setup", "a list of lines", "nothing");
  if (std::none_of(lesson.cards.begin(), lesson.cards.end(), [](const Card& c) { return c.ask.has_value(); }))
    in.fail("cards", "a prediction (ask) on some card", "none");
  if (std::none_of(lesson.cards.begin(), lesson.cards.end(), [](const Card& c) { return c.task.has_value(); }))
    in.fail("cards", "a task on some card", "none");
  in.ends();
  return lesson;
}

Lesson load_lesson(const std::string& path) { return parse_lesson(read_text(path, "lesson", std::size_t{1} << 20), path); }

const std::vector<Lesson>& built_in_lessons() {
  static const std::vector<Lesson> lessons = [] {
    std::vector<Lesson> out;
    for (const auto& [file, text] : lesson_files()) out.push_back(parse_lesson(text, file));
    return out;
  }();
  return lessons;
}

int find_lesson(const std::vector<Lesson>& lessons, const std::string& wanted) {
  std::string names;
  for (std::size_t n = 0; n < lessons.size(); ++n) {
    if (lessons[n].name == wanted || std::to_string(n + 1) == wanted) return static_cast<int>(n);
    names += (n ? ", " : "") + std::to_string(n + 1) + " " + lessons[n].name;
  }
  throw Error("lesson: expected one of " + names + ", got \"" + wanted + "\"");
}

}  // namespace fw::viz
