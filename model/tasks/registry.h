// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The one table of tasks. A new task is one file beside this one, one row in registry.cpp, its solver in tests/tasks and its
// section in docs/tasks.md.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "model/tasks/task.h"

namespace fw::model {

/// All tasks, from recall over editing and state tracking to text.
std::span<const TaskInfo> tasks();
/// By name, with its defaults and then "name=value ..." settings; throws with the list of names when unknown.
std::unique_ptr<Task> make_task(std::string_view name, std::string_view settings = {});

}  // namespace fw::model
