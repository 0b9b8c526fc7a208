// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// From a document to the timelines of A and B, with whatever was opened for it kept at hand: the file of a trace, a checkpoint,
// what it has read so far. Copies share these; a copy is tried first, so that a source that cannot be opened changes nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "viz/model/decoder.h"
#include "viz/model/document.h"
#include "viz/model/trace.h"

namespace fw::viz {

/// What layer and head can be chosen from. No layers: typed facts.
struct Stack {
  std::vector<int> layers;
  int layer = 0, heads = 1, head = 0;
};

class Sources {
 public:
  /// Throws fw::Error when the document cannot be shown.
  void open(const Document& document);
  std::shared_ptr<Timeline> timeline_a(const Document& document) const;
  /// Null when B sees what A sees.
  std::shared_ptr<Timeline> timeline_b(const Document& document) const;
  Stack stack(const Document& document) const;
  /// The rule of the layer that is shown.
  Variant variant(const Document& document) const;
  /// Read more tokens, for A and a B that is run again.
  void extend(int tokens) const;
  const Decoder* a() const { return a_.get(); }
  /// Null unless everything is run again with B's gates.
  const Decoder* b() const { return b_.get(); }

 private:
  std::shared_ptr<const TraceFile> file_;
  std::shared_ptr<Checkpoint> checkpoint_;
  std::string task_, settings_;  ///< the checkpoint was opened with
  std::shared_ptr<Decoder> a_, b_;
  Head narrowed_;  ///< of b_
};

}  // namespace fw::viz
