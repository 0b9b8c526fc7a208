// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What each file of a task gives to the table in registry.cpp. The rule of a task stands at the top of its own file.
#pragma once

#include <memory>

#include "model/tasks/task.h"

namespace fw::model {

using TaskMaker = std::unique_ptr<Task> (*)(const TaskInfo&);

std::unique_ptr<Task> make_mqar(const TaskInfo&);           // mqar.cpp
std::unique_ptr<Task> make_edit(const TaskInfo&);           // edit.cpp
std::unique_ptr<Task> make_previous(const TaskInfo&);       // edit.cpp
std::unique_ptr<Task> make_compositional(const TaskInfo&);  // compositional.cpp
std::unique_ptr<Task> make_needle(const TaskInfo&);         // needle.cpp
std::unique_ptr<Task> make_needles(const TaskInfo&);        // needle.cpp
std::unique_ptr<Task> make_pour(const TaskInfo&);           // pour.cpp
std::unique_ptr<Task> make_cups(const TaskInfo&);           // pour.cpp
std::unique_ptr<Task> make_parity(const TaskInfo&);         // parity.cpp
std::unique_ptr<Task> make_s3(const TaskInfo&);             // permutations.cpp
std::unique_ptr<Task> make_s5(const TaskInfo&);             // permutations.cpp
std::unique_ptr<Task> make_copy(const TaskInfo&);           // copy.cpp
std::unique_ptr<Task> make_text(const TaskInfo&);           // text.cpp

}  // namespace fw::model
