// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/tasks/parameters.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"

namespace fw::model {
namespace {

/// Shortest text that reads back as the same number.
std::string number(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

std::string number(const Parameter& parameter, double value) {
  return parameter.kind == Parameter::Kind::whole ? std::to_string(static_cast<index_t>(value)) : number(value);
}

std::string range(const Parameter& parameter) {
  return std::string(parameter.kind == Parameter::Kind::whole ? "a whole number" : "a number") + " in [" +
         number(parameter, parameter.min) + "," + number(parameter, parameter.max) + "]";
}

/// All of the text as a number, or NaN.
double parse(const Parameter& parameter, std::string_view text) {
  const char *begin = text.data(), *end = begin + text.size();
  if (parameter.kind == Parameter::Kind::whole) {
    index_t value = 0;
    const auto [stop, fault] = std::from_chars(begin, end, value);
    return fault == std::errc() && stop == end ? static_cast<double>(value) : std::nan("");
  }
  double value = 0;
  const auto [stop, fault] = std::from_chars(begin, end, value);
  return fault == std::errc() && stop == end ? value : std::nan("");
}

}  // namespace

Parameter Parameter::whole(std::string_view name, index_t value, index_t min, index_t max, std::string_view meaning) {
  return {name, meaning, Kind::whole, static_cast<double>(value), static_cast<double>(min), static_cast<double>(max)};
}

Parameter Parameter::real(std::string_view name, double value, double min, double max, std::string_view meaning) {
  return {name, meaning, Kind::real, value, min, max};
}

Parameter Parameter::word(std::string_view name, std::string_view value, std::string_view meaning) {
  return {name, meaning, Kind::text, 0, 0, 0, std::string(value)};
}

std::string Parameter::str() const { return kind == Kind::text ? text : number(*this, value); }

const Parameter& Parameters::find(std::string_view name) const {
  for (const Parameter& parameter : list_)
    if (parameter.name == name) return parameter;
  std::string known;
  for (const Parameter& parameter : list_) known += (known.empty() ? "" : ", ") + std::string(parameter.name);
  throw Error(owner_ + ": parameter must be one of " + known + ", got \"" + std::string(name) + "\"");
}

void Parameters::set(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) throw Error(owner_ + ": setting must be \"name=value\", got \"" + std::string(assignment) + "\"");
  const std::string_view text = assignment.substr(equals + 1);
  Parameter& parameter = list_[static_cast<std::size_t>(&find(assignment.substr(0, equals)) - list_.data())];
  if (parameter.kind == Parameter::Kind::text) {
    parameter.text = text;
    return;
  }
  const double value = parse(parameter, text);
  if (!(value >= parameter.min && value <= parameter.max))
    throw Error(owner_ + ": " + std::string(parameter.name) + " must be " + range(parameter) + ", got \"" + std::string(text) + "\"");
  parameter.value = value;
}

void Parameters::set_all(std::string_view assignments) {
  constexpr std::string_view separators = " ,\t\n";
  Parameters changed = *this;  // all or nothing
  for (std::size_t at = 0; (at = assignments.find_first_not_of(separators, at)) != std::string_view::npos;) {
    const std::size_t end = std::min(assignments.find_first_of(separators, at), assignments.size());
    changed.set(assignments.substr(at, end - at));
    at = end;
  }
  *this = std::move(changed);
}

index_t Parameters::whole(std::string_view name) const { return static_cast<index_t>(find(name).value); }

double Parameters::real(std::string_view name) const { return find(name).value; }

const std::string& Parameters::text(std::string_view name) const { return find(name).text; }

std::string Parameters::str() const {
  std::string all;
  for (const Parameter& parameter : list_) all += (all.empty() ? "" : " ") + std::string(parameter.name) + "=" + parameter.str();
  return all;
}

void Parameters::demand(bool holds, std::string_view name, std::string_view expected) const {
  if (!holds) throw Error(owner_ + ": " + std::string(name) + " must be " + std::string(expected) + ", got " + find(name).str());
}

}  // namespace fw::model
