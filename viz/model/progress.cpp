// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/progress.h"

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace fw::viz {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kVersion = 1, kMostCards = 64;

int number_in(const Json& json, int least, int most, std::string_view name) {
  if (!json.is_number_integer() || json.get<long long>() < least || json.get<long long>() > most)
    throw Error("progress: " + std::string(name) + ": expected a whole number in [" + std::to_string(least) + "," + std::to_string(most) +
                "], got " + json.dump(-1, ' ', false, Json::error_handler_t::replace));
  return json.get<int>();
}

}  // namespace

std::string progress_text(const std::map<std::string, LessonProgress>& progress) {
  Json lessons = Json::object();
  for (const auto& [name, done] : progress) {
    Json predictions = Json::array(), solved = Json::array();
    for (const auto& [card, choice] : done.predictions) predictions.push_back({card + 1, choice + 1});
    for (int card : done.solved) solved.push_back(card + 1);
    lessons[name] = {{"predictions", predictions}, {"solved", solved}};
  }
  return Json{{"fastweight_progress", kVersion}, {"lessons", lessons}}.dump(1) + "\n";
}

std::map<std::string, LessonProgress> parse_progress(std::string_view text, std::string_view name) {
  std::map<std::string, LessonProgress> out;
  try {
    const Json json = Json::parse(text);
    number_in(json.at("fastweight_progress"), kVersion, kVersion, name);
    for (const auto& [lesson, done] : json.at("lessons").items()) {
      LessonProgress& one = out[lesson];
      for (const Json& pair : done.at("predictions"))
        one.predictions[number_in(pair.at(0), 1, kMostCards, name) - 1] = number_in(pair.at(1), 1, kMostCards, name) - 1;
      for (const Json& card : done.at("solved")) one.solved.insert(number_in(card, 1, kMostCards, name) - 1);
    }
  } catch (const Json::exception& error) {
    throw Error("progress: " + std::string(name) + ": expected a file of progress, got " + error.what());
  }
  return out;
}

std::string default_progress_path() {
  const auto folder = [](const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value == '/' ? std::filesystem::path(value) : std::filesystem::path();
  };
  std::filesystem::path config = folder("XDG_CONFIG_HOME");
  if (config.empty() && !folder("HOME").empty()) config = folder("HOME") / ".config";
  return config.empty() ? std::string() : (config / "fastweight" / "lessons.json").string();
}

}  // namespace fw::viz
