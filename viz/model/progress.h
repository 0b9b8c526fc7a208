// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The file of what was done in the lessons: JSON, by the lesson's name, cards by number from 1 as people count them.
#pragma once

#include <string>
#include <string_view>

#include "viz/model/course.h"

namespace fw::viz {

std::string progress_text(const std::map<std::string, LessonProgress>& progress);
/// Throws fw::Error when the text is no progress file.
std::map<std::string, LessonProgress> parse_progress(std::string_view text, std::string_view name);

}  // namespace fw::viz
