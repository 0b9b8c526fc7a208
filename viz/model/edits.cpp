// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/edits.h"

#include <algorithm>

#include "core/error.h"

namespace fw::viz {

Document with_gate(const Document& document, bool of_b, int t, char gate, int channel, double value) {
  if (document.trace) throw Error("gate: expected typed facts, got a trace (" + document.trace->path + ")");
  if (document.model) throw Error("gate: expected typed facts, got a checkpoint (" + document.model->path + ")");
  Document next = document;
  const std::vector<Command>& log = of_b ? next.commands_of_b() : next.commands;
  const int tokens = tokens_of(log);
  if (t < 1 || t > tokens) throw Error("gate: expected a token in [1," + std::to_string(tokens) + "], got " + std::to_string(t));
  // The first t - 1 tokens with the gate commands behind them, and the rest. A run of fillers is cut between them.
  std::vector<Command> head = prefix_of(log, t - 1), tail;
  int seen = 0;
  for (const Command& c : log) {
    const int n = !makes_token(c.verb) ? 0 : c.verb == Verb::filler ? c.count : 1;
    if (seen + n < t) {
      if (n == 0 && seen == t - 1) head.push_back(c);
    } else {
      tail.push_back(c);
      if (seen < t - 1) tail.back().count = n - (t - 1 - seen);
    }
    seen += n;
  }
  // Commands at the seam that set the same channel alone have nothing to say any more.
  for (std::size_t i = head.size(); i > 0 && head[i - 1].verb == Verb::gate; --i) {
    const Command& c = head[i - 1];
    if (c.gate == gate && c.first == channel && c.last == channel + 1) head.erase(head.begin() + static_cast<std::ptrdiff_t>(i) - 1);
  }
  Command set;
  set.verb = Verb::gate;
  set.gate = gate;
  set.first = channel;
  set.last = channel + 1;
  set.number = std::clamp(value, 0.0, gate == 'b' ? 2.0 : 1.0);
  head.push_back(set);
  head.insert(head.end(), tail.begin(), tail.end());
  if (!of_b) {
    next.commands = std::move(head);
    if (next.branch) next.branch->at = std::min(next.branch->at, t - 1);
  } else {
    next.compare = true;
    next.branch = Branch{next.branch ? std::min(next.branch->at, t - 1) : t - 1, std::move(head)};
  }
  return next;
}

}  // namespace fw::viz
