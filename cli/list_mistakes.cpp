// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight list --mistakes: what the judge knows by name, forward first, in the order of the bank.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "verify/mistake.h"

namespace fw::cli {

void print_mistakes(bool json) {
  const std::vector<verify::Mistake>& bank = verify::bank();
  const auto direction = [](const verify::Mistake& mistake) { return mistake.direction == verify::Direction::backward ? "backward" : "forward"; };
  if (json) {
    auto list = nlohmann::ordered_json::array();
    for (const verify::Mistake& mistake : bank)
      list.push_back({{"id", mistake.id}, {"direction", direction(mistake)}, {"title", mistake.title}, {"advice", mistake.advice}, {"chunked", mistake.chunked}});
    std::cout << list.dump(2) << '\n';
    return;
  }
  std::size_t width = 0;
  for (const verify::Mistake& mistake : bank) width = std::max(width, mistake.id.size());
  for (const char* wanted : {"forward", "backward"})
    for (const verify::Mistake& mistake : bank)
      if (direction(mistake) == std::string_view(wanted)) std::cout << fmt::format("{:<{}}  {:<8}  {}\n", mistake.id, width, wanted, mistake.title);
}

}  // namespace fw::cli
