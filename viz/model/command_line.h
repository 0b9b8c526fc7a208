// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A line of the command box as words, and what is asked of them; complaints name the line and what was expected.
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "viz/model/fact_language.h"

namespace fw::viz {

inline std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  for (char c : line.substr(0, line.find('#'))) {
    const bool blank = c == ' ' || c == '\t' || c == '\r';
    if (!blank)
      word += c;
    else if (!word.empty())
      words.push_back(std::exchange(word, {}));
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

/// The words of one line, with complaints that name it.
struct CommandLine {
  std::vector<std::string> words;
  int number;

  [[noreturn]] void fail(std::size_t at, const std::string& expected) const {
    std::string before;
    for (std::size_t i = 0; i < at && i < words.size(); ++i) before += (i ? " " : "") + words[i];
    throw Error("command: line " + std::to_string(number) + ": expected " + expected + " after \"" + before + "\", got " +
                (at < words.size() ? "\"" + words[at] + "\"" : std::string("the end of the line")));
  }
  const std::string& word(std::size_t at, const std::string& expected) const {
    if (at >= words.size()) fail(at, expected);
    return words[at];
  }
  void ends(std::size_t at) const {
    if (at < words.size()) fail(at, "the end of the line");
  }
  template <class T>
  T number_at(std::size_t at, T least, T most, const std::string& what) const {
    const std::string expected = what + " in [" + shortest(static_cast<double>(least)) + "," + shortest(static_cast<double>(most)) + "]";
    const std::string& text = word(at, expected);
    T x{};
    const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), x);
    if (code != std::errc() || stop != text.data() + text.size() || !(x >= least && x <= most)) fail(at, expected);
    return x;
  }
  template <class E>
  E choice(std::size_t at, const std::vector<std::pair<std::string, E>>& choices) const {
    std::string names;
    for (const auto& [name, value] : choices) {
      if (at < words.size() && words[at] == name) return value;
      names += (names.empty() ? "" : ", ") + name;
    }
    fail(at, "one of " + names);
  }
};

}  // namespace fw::viz
