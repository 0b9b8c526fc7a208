// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/changes.h"

#include <algorithm>

namespace fw::viz {
namespace {

struct Told {
  std::string text;
  void add(const std::string& what) {
    if (!what.empty()) text += (text.empty() ? "" : ", ") + what;
  }
};

std::string file_of(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }
std::string plural(std::size_t n, const char* what) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); }

/// Lines that were added, taken away or put in the place of others.
std::string log_text(const std::vector<Command>& before, const std::vector<Command>& after) {
  std::size_t head = 0, tail = 0;
  const std::size_t least = std::min(before.size(), after.size());
  while (head < least && before[head] == after[head]) ++head;
  while (tail < least - head && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) ++tail;
  const std::size_t gone = before.size() - head - tail, come = after.size() - head - tail;
  if (gone == 0 && come == 0) return {};
  if (after.empty()) return "clear";
  if (come == 0) return plural(gone, "line") + " taken back";
  const std::string first = text_of(after[head]);
  return come == 1 ? first : first + " and " + plural(come - 1, "line") + " more";
}

std::string settings_text(const Settings& before, const Settings& after) {
  Told out;
  if (before.seed != after.seed) out.add("set seed " + std::to_string(after.seed));
  if (before.dk != after.dk || before.dv != after.dv) out.add("set size " + std::to_string(after.dk) + " " + std::to_string(after.dv));
  if (before.policy != after.policy) out.add(after.policy == Policy::uniform ? "set policy uniform" : "set policy banded");
  if (before.alpha != after.alpha || before.alpha_fast != after.alpha_fast)
    out.add("set alpha " + shortest(after.alpha) + " " + shortest(after.alpha_fast));
  const auto scheme = [](Scheme s) { return s == Scheme::random ? "random" : s == Scheme::orthonormal ? "orthonormal" : "shared"; };
  if (before.keys != after.keys || before.shared != after.shared)
    out.add(std::string("set keys ") + scheme(after.keys) + (after.keys == Scheme::shared ? " " + shortest(after.shared) : ""));
  if (before.values != after.values) out.add(std::string("set values ") + scheme(after.values));
  if (before.signal != after.signal) out.add("set signal " + (after.signal == 0 ? "all" : std::to_string(after.signal)));
  return out.text;
}

std::string head_text(const char* letter, const Head& before, const Head& after) {
  if (before == after) return {};
  Told out;
  if (before.morph != after.morph || before.variant != after.variant)
    out.add("set " + std::string(letter) + " " + (after.morph ? "morph" : std::string(info(after.variant).name)));
  const Collapse &from = before.collapse, &to = after.collapse;
  if (from.tie != to.tie) out.add("set tie " + shortest(to.tie));
  if (from.scalar != to.scalar) out.add("set scalar " + shortest(to.scalar));
  if (from.one != to.one) out.add("set one " + shortest(to.one));
  if (from.no_erase != to.no_erase) out.add("set no-erase " + shortest(to.no_erase));
  return out.text.empty() ? "sliders of " + std::string(letter) : out.text;
}

std::string source_text(const Document& before, const Document& after) {
  if (after.trace && !(before.trace == after.trace)) {
    const std::string head = "head " + std::to_string(after.trace->head);
    if (!before.trace || before.trace->path != after.trace->path) return "trace " + file_of(after.trace->path) + " " + head;
    return before.trace->layer == after.trace->layer ? head : "layer " + std::to_string(after.trace->layer) + ", " + head;
  }
  if (!after.model || before.model == after.model) return {};
  const ModelSource& to = *after.model;
  if (!before.model || before.model->path != to.path) return "checkpoint " + file_of(to.path);
  const ModelSource& from = *before.model;
  Told out;
  if (from.prompt != to.prompt) out.add(to.prompt ? "prompt " + *to.prompt : "example " + std::to_string(to.example));
  if (from.prompt == to.prompt && from.example != to.example) out.add("example " + std::to_string(to.example));
  if (from.temperature != to.temperature) out.add("temperature " + shortest(to.temperature));
  if (from.top_k != to.top_k) out.add("top-k " + std::to_string(to.top_k));
  if (from.seed != to.seed) out.add("set seed " + std::to_string(to.seed));
  if (from.layer != to.layer) out.add("layer " + std::to_string(to.layer));
  if (from.head != to.head) out.add("head " + std::to_string(to.head));
  if (from.rerun != to.rerun) out.add(to.rerun ? "rerun on" : "rerun off");
  return out.text;
}

}  // namespace

std::string change_text(const Document& before, const Document& after) {
  Told out;
  out.add(source_text(before, after));
  out.add(settings_text(before.settings, after.settings));
  if (!after.trace && !after.model) out.add(log_text(before.commands, after.commands));
  if (before.branch && !after.branch) out.add("join");
  if (!before.branch && after.branch) {
    out.add("fork at " + std::to_string(after.branch->at));
    out.add(log_text(prefix_of(before.commands, after.branch->at), after.branch->commands));
  }
  if (before.branch && after.branch) out.add(log_text(before.branch->commands, after.branch->commands));
  out.add(head_text("a", before.a, after.a));
  if (!after.compare && before.compare) out.add("set b off");
  if (after.compare) {
    const std::string b = head_text("b", before.b, after.b);
    // A fork begins with A's rule.
    if (!(after.branch && !before.branch && after.b == after.a)) out.add(b.empty() && !before.compare ? "set b on" : b);
  }
  return out.text.empty() ? "change" : out.text;
}

std::string step_text(const History& history, int index) {
  return index <= 0 ? "start" : change_text(history.at(index - 1), history.at(index));
}

std::string history_text(const History& history) {
  constexpr int kMost = 10;
  if (history.count() < 2) return {};
  std::string out = "\n## History\n\n";
  const int first = std::clamp(history.position() - kMost / 2, 0, std::max(0, history.count() - kMost));
  for (int i = first; i < std::min(history.count(), first + kMost); ++i)
    out += "- " + std::to_string(i) + ": " + step_text(history, i) +
           (i == history.position()  ? " (here)"
            : i > history.position() ? " (undone)"
                                     : "") +
           "\n";
  return out;
}

}  // namespace fw::viz
