// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Tensors as a source: one head of one sequence of a case file (core/case_file.h), a dump of a real kernel or a file of
// ours. Tokens are normalised and activated as the reference does it and written in GDN-2's form; the rule of the file becomes
// head A's. A trace has no names: at most kTraceFacts of its tokens, evenly spaced, stand in the tables as "k17", and what
// memory is meant to answer there is what was written, z = w (.) v (what was offered, v, may have been shut out by w).
// The other way round, a run becomes a case file that `fastweight verify` can judge.
#pragma once

#include "core/case_file.h"
#include "viz/model/document.h"
#include "viz/model/run.h"

namespace fw::viz {

constexpr int kTraceFacts = 24;

/// What a rule makes of token t (counted from the row's start) of value head `head`, in GDN-2's form.
Entry entry_of(const Inputs<double>& in, const Geometry& geometry, const Options& options, index_t batch, index_t t, index_t head);

struct Trace {
  Timeline timeline;
  Variant variant = Variant::gdn2;
};

/// Throws fw::Error: no such head or sequence, a rule outside the delta family, unusable tensors.
Trace trace_of(const CaseFile& file, const TraceSource& source);

/// A file of tensors that stays open while its layers and heads are looked through: one call of a rule, or the trace of a model
/// that `fastweight decode --trace` wrote (docs/trace.md), whose layers outside the delta family have no memory to show.
class TraceFile {
 public:
  /// Throws fw::Error: unreadable, or no layer to show.
  explicit TraceFile(const std::string& path);
  const std::string& path() const { return path_; }
  /// Is the file on disk still the one that was read?
  bool current() const { return stamp_ == stamp_of(path_); }
  /// Numbers in the stack; {0} for a single call.
  const std::vector<int>& layers() const { return numbers_; }
  int heads() const;
  /// The rule of a layer.
  Variant variant(const TraceSource& source) const { return file(source).options.variant; }
  Trace open(const TraceSource& source) const;

 private:
  static std::string stamp_of(const std::string& path);
  const CaseFile& file(const TraceSource& source) const;
  std::string path_, stamp_;
  std::vector<int> numbers_;
  std::vector<CaseFile> files_;  ///< one per layer
  struct Word {
    std::string label, note;
    int verdict;
    bool drawn;
  };
  std::vector<Word> words_;  ///< of a model's trace
};
Trace load_trace(const TraceSource& source);

/// Inputs, outputs and final state of a run as GDN-2 with the gates in effect. Throws when something was edited by hand.
TensorFile case_of(const Run& run);

}  // namespace fw::viz
