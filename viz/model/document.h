// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What a session is about: settings, the log of commands (or a trace), the two heads A and B, and a branch of the log for B. All
// else is replayed from it, so undo, redo and fork are copies of this small value, and a session file is its text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "viz/model/gates.h"
#include "viz/model/model_source.h"

namespace fw::viz {

/// Tensors in place of commands: which head of which sequence; sequences are packed ones or rows of the batch.
struct TraceSource {
  std::string path;
  int sequence = 0, head = 0;
  int layer = -1;  ///< of a model's trace: number in the stack; -1: the first with a memory
  bool operator==(const TraceSource&) const = default;
};

/// B's own log since a fork: the first `at` tokens are A's.
struct Branch {
  int at = 0;
  std::vector<Command> commands;
  bool operator==(const Branch&) const = default;
};

struct Document {
  Settings settings;
  std::vector<Command> commands;
  std::optional<TraceSource> trace;  ///< tensors instead of commands, which then must be empty
  std::optional<ModelSource> model;  ///< likewise: a checkpoint and what it reads
  Head a, b{false, Variant::kda, {}};
  bool compare = true;
  std::optional<Branch> branch;
  bool operator==(const Document&) const = default;

  const std::vector<Command>& commands_of_b() const { return branch ? branch->commands : commands; }
};

/// Tokens the commands make.
int tokens_of(const std::vector<Command>& commands);
/// The commands of the first `tokens` tokens, gate commands before them included; a run of fillers is cut.
std::vector<Command> prefix_of(const std::vector<Command>& commands, int tokens);

class History {
 public:
  const Document& now() const { return now_; }
  /// Start anew, nothing to undo.
  void reset(Document document);
  /// A new state after the present one; what was undone is forgotten. No entry when nothing changed.
  void push(Document document);
  /// Replace the present state without an entry (a slider being dragged).
  void amend(Document document) { now_ = std::move(document); }
  bool undo();
  bool redo();
  bool can_undo() const { return !past_.empty(); }
  bool can_redo() const { return !future_.empty(); }
  /// All states there are to go to, undone ones included, and which of them is the present one.
  int count() const { return static_cast<int>(past_.size() + future_.size()) + 1; }
  int position() const { return static_cast<int>(past_.size()); }
  const Document& at(int index) const;

 private:
  Document now_;
  std::vector<Document> past_, future_;
};

}  // namespace fw::viz
