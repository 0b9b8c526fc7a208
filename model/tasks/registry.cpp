// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/tasks/registry.h"

#include <array>
#include <string>

#include "core/error.h"
#include "model/tasks/makers.h"

namespace fw::model {
namespace {

constexpr std::array kTasks = {
    TaskInfo{"mqar", "n pairs of key and value, then every key once more, soon or late: its value",
             "how much a state holds: the delta rule against plain addition"},
    TaskInfo{"edit", "keys are written again and again in any order, then each is asked for: its last value",
             "overwriting: the delta rule against decay"},
    TaskInfo{"previous", "as edit, but asked for is the value before the last one", "moving a value aside: eigenvalue -1, erase up to 2"},
    TaskInfo{"compositional", "keys of two tokens, entity and attribute; overwrite one cell, keep its neighbours",
             "collateral damage among keys that share a part"},
    TaskInfo{"needle", "one pair of key and value in a haystack of words, asked for at the end",
             "what is left in a state after long noise"},
    TaskInfo{"needles", "as needle, with several keys of which one is asked for", "several memories kept apart through noise"},
    TaskInfo{"pour", "whatever is in cup i goes to cup j; where is the ball?",
             "an oblique edit: erase per key channel, up to 2 (Gated DeltaNet-2)"},
    TaskInfo{"cups", "cups i and j change places; where is the ball?", "eigenvalue -1: erase up to 2, scalar or per channel"},
    TaskInfo{"parity", "how many ones so far, even or odd?", "eigenvalue -1 on a single channel"},
    TaskInfo{"s3", "running product in the group of all orders of three things", "reflections: one per token for swaps, two for all"},
    TaskInfo{"s5", "running product in the group of all orders of five things", "as s3, in a group that is not solvable"},
    TaskInfo{"copy", "symbols, then the same symbols once more, forwards or backwards",
             "smoke test: every rule learns it when it is short"},
    TaskInfo{"text", "the next byte of a text", "the whole model, on something to read"},
};
constexpr std::array<TaskMaker, kTasks.size()> kMakers = {make_mqar,    make_edit, make_previous, make_compositional, make_needle,
                                                          make_needles, make_pour, make_cups,     make_parity,        make_s3,
                                                          make_s5,      make_copy, make_text};

}  // namespace

std::span<const TaskInfo> tasks() { return kTasks; }

std::unique_ptr<Task> make_task(std::string_view name, std::string_view settings) {
  std::string known;
  for (std::size_t i = 0; i < kTasks.size(); ++i) {
    if (kTasks[i].name == name) {
      auto task = kMakers[i](kTasks[i]);
      task->set(settings);
      return task;
    }
    known += (known.empty() ? "" : ", ") + std::string(kTasks[i].name);
  }
  throw Error("task: name must be one of " + known + ", got \"" + std::string(name) + "\"");
}

}  // namespace fw::model
