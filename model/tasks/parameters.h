// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The knobs of a task as data: name, meaning, default and range. They are set by text, "T=256 pairs=64", so that a command
// line, a file and a window need to know no task. A refusal names the task, the knob, what was expected and what came:
//   task mqar: pairs must be a whole number in [1,4096], got "many"
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/dtype.h"

namespace fw::model {

struct Parameter {
  enum class Kind { whole, real, text };
  std::string_view name;
  std::string_view meaning;
  Kind kind = Kind::whole;
  double value = 0, min = 0, max = 0;  ///< whole numbers are exact: |value| < 2^53
  std::string text = {};               ///< the value when kind is text

  static Parameter whole(std::string_view name, index_t value, index_t min, index_t max, std::string_view meaning);
  static Parameter real(std::string_view name, double value, double min, double max, std::string_view meaning);
  static Parameter word(std::string_view name, std::string_view value, std::string_view meaning);
  /// The value as text that set() reads back.
  std::string str() const;
};

class Parameters {
 public:
  /// owner: who refuses, e.g. "task mqar".
  Parameters(std::string owner, std::vector<Parameter> list) : owner_(std::move(owner)), list_(std::move(list)) {}

  const std::vector<Parameter>& list() const { return list_; }
  /// One "key=value".
  void set(std::string_view assignment);
  /// Any number of them, separated by blanks or commas; a text value can therefore hold neither.
  void set_all(std::string_view assignments);
  void set(std::string_view name, index_t value) { set(std::string(name) + "=" + std::to_string(value)); }

  index_t whole(std::string_view name) const;
  double real(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  /// "T=256 pairs=64 ...": all of them, in order.
  std::string str() const;
  /// For checks between several knobs: throws "<owner>: <name> must be <expected>, got <value>" unless `holds`.
  void demand(bool holds, std::string_view name, std::string_view expected) const;

 private:
  const Parameter& find(std::string_view name) const;
  std::string owner_;
  std::vector<Parameter> list_;
};

}  // namespace fw::model
