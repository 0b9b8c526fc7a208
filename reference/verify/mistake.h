// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The bank of known mistakes: deliberately wrong references, each changing one thing. Run on the very inputs of a kernel
// under judgement they say two things: which mistakes these inputs could not show (blind spots), and, when the kernel is
// wrong, which mistake leaves a residual like the kernel's (diagnosis). A new mistake is one entry in a bank_*.cpp.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "verify/chunk_engine.h"
#include "verify/slice.h"
#include "verify/token_engine.h"

namespace fw::verify {

/// A problem with everything mistakes are made from, computed once.
struct Bench {
  Problem problem;
  Geometry geo;
  index_t chunk = 64;             ///< chunk length assumed by chunk mistakes
  Results truth;                  ///< of this problem, outputs and (if `gradients`) gradients
  bool gradients = false;
  std::vector<Head> heads;        ///< delta-rule variants only, else empty
  std::vector<std::vector<ChunkScores>> scores;
  std::vector<ReverseParts> reverse;

  bool delta_rule() const { return info(problem.options.variant).family == Family::delta_rule; }
  const VariantInfo& rule() const { return info(problem.options.variant); }
  index_t longest() const;        ///< tokens of the longest sequence
};

/// Gathers heads, chunk scores and reverse parts. `truth` may be given (sliced from a larger run) or empty (computed).
Bench make_bench(Problem problem, bool gradients, index_t chunk, Results truth, int threads);

struct Mistake {
  std::string id;        ///< "carry-dropped"
  Direction direction;   ///< which tensors it spoils: outputs or gradients
  std::string title;     ///< one line: what the kernel does
  std::string advice;    ///< how to confirm it, or where it was seen
  bool chunked;          ///< depends on the chunk length
  std::function<bool(const Bench&)> applies;   ///< can act at all on this problem (cheap test)
  std::function<Results(const Bench&)> run;    ///< outputs or gradients of the mistaken kernel; the other half absent
};

/// The whole bank, in a fixed order.
const std::vector<Mistake>& bank();
/// Entry by id; throws with near names when unknown.
const Mistake& mistake(std::string_view id);

// The pieces of the bank, one file each.
void add_input_mistakes(std::vector<Mistake>& bank);     ///< scale, initial state, gates, heads, batch: forward
void add_rule_mistakes(std::vector<Mistake>& bank);      ///< order of decay, erase, write; gates on the wrong operand
void add_chunk_mistakes(std::vector<Mistake>& bank);     ///< carry, masks, bases, inverse
void add_output_mistakes(std::vector<Mistake>& bank);    ///< layout, unwritten, shifted, stale outputs
void add_activation_mistakes(std::vector<Mistake>& bank);///< L2 norm, softplus, bounded decay, sigmoid: both directions
void add_reverse_mistakes(std::vector<Mistake>& bank);   ///< dS recursion, missing terms
void add_gradient_mistakes(std::vector<Mistake>& bank);  ///< gradients on the wrong operand, partial sums, groups
void add_recompute_mistakes(std::vector<Mistake>& bank); ///< forward right, backward run on wrong inputs
void add_other_family_mistakes(std::vector<Mistake>& bank); ///< Mamba-3 and attention

// How mistakes are made.
using EditHead = std::function<void(Head&, const Bench&)>;
using EditProblem = std::function<void(Problem&, const Bench&)>;
using EditParts = std::function<void(ReverseParts&, const Head&, const Bench&)>;
using EditGradient = std::function<void(HeadGradient&, const ReverseParts&, const Head&, const Bench&)>;

std::function<Results(const Bench&)> forward_of_heads(EditHead edit, TokenFaults faults = {});
std::function<Results(const Bench&)> forward_of_chunks(ChunkFaults faults, std::function<Vec(const Head&, const Bench&)> leak = {});
std::function<Results(const Bench&)> forward_of_problem(EditProblem edit);
std::function<Results(const Bench&)> outputs_of_truth(std::function<void(Outputs<double>&, const Bench&)> edit);
std::function<Results(const Bench&)> backward_of_problem(EditProblem edit);
std::function<Results(const Bench&)> backward_of_heads(EditHead edit, ReverseFaults faults = {});
std::function<Results(const Bench&)> gradients_of_parts(EditGradient edit);
std::function<Results(const Bench&)> gradients_of_truth(std::function<void(Gradients<double>&, const Bench&)> edit);

}  // namespace fw::verify
