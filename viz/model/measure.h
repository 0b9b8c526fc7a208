// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Numbers of a view by their names, as text: what lessons assert, show in prose and check in tasks.
//   cos(Ana)   norm(Ana)   part(Ana, red)   impact(Bo)   memory   sigma_max   mean_cos(1, 8)      the whole list: quantity_names()
//   B.norm(Ana)      of run B (A without a letter)           norm(Ana)@31      after token 31 (the moment shown without one)
//   cos(Ana) > 0.9   a condition: <, <=, >, >= or = (equal to 1e-6)
// What cannot be said at the moment (no such fact yet, no run B) is NaN, and no condition on it holds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "viz/model/view_model.h"

namespace fw::viz {

struct Quantity {
  bool b = false;  ///< of run B
  std::string name;
  std::vector<std::string> arguments;
  int t = -1;  ///< -1: the moment shown
  bool operator==(const Quantity&) const = default;
};
enum class Relation { less, at_most, more, at_least, equal };
struct Condition {
  Quantity quantity;
  Relation relation = Relation::more;
  double number = 0.0;
};

/// Throws fw::Error with what was expected and what came: unknown name, wrong number of arguments, trailing text.
Quantity parse_quantity(std::string_view text);
Condition parse_condition(std::string_view text);
std::string text_of(const Quantity& quantity);

double measure(const ViewModel& view, const Quantity& quantity);
bool holds(double value, const Condition& condition);

/// Each quantity with its arguments and what it is, for pages and messages.
struct QuantityName {
  std::string_view name, arguments, meaning;
};
const std::vector<QuantityName>& quantity_names();

}  // namespace fw::viz
