// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Residuals as vectors. The residual of a result is (result - truth) / RMS(truth), tensor by tensor, laid out in one
// vector per direction; a mistake's signature is the residual of its deliberately wrong reference. Large problems are
// sampled by rows (the same rows for everybody): every row near the ends of a sequence, a hashed share of the rest.
// Each element knows its block: tensor, sequence, head and channel, so that a mistake confined to some heads or channels
// can still be matched.
#pragma once

#include <string>
#include <vector>

#include "verify/mistake.h"

namespace fw::verify {

class SignatureSpace {
 public:
  /// Tensors of `truth` in that direction that are also `judged` (the kernel returned them).
  SignatureSpace(const Geometry& geo, const Results& truth, const Results& judged, Direction direction, index_t max_elements = 1 << 20);

  struct Tensor_ {
    std::string name;
    index_t first = 0, count = 0;      ///< where its elements lie in the vector
    index_t heads = 1, channels = 1, sequences = 1;
    double rms = 1.0;
  };
  struct Block {
    std::uint32_t tensor, sequence, head, channel;
  };

  index_t size() const { return static_cast<index_t>(blocks_.size()); }
  const std::vector<Tensor_>& tensors() const { return tensors_; }
  const std::vector<Block>& blocks() const { return blocks_; }
  /// (result - truth) / RMS(truth) at the sampled places; non-finite where the result is. Absent tensors count as right.
  std::vector<float> residual(const Results& result) const;

 private:
  const Results& truth_;
  std::vector<Tensor_> tensors_;
  std::vector<Block> blocks_;
  std::vector<index_t> flat_;  ///< element of the tensor behind each place
};

/// Which heads, channels and sequences of one tensor a mistake acts in.
struct Mask {
  std::vector<char> head, channel, sequence;
};

/// How well a residual is explained by one signature.
struct Match {
  double score = 0;       ///< cos^2 after restricting the signature to the blocks it acts in, noise energy taken off
  double amplitude = 0;   ///< residual = amplitude * signature there; 1 for the mistake itself
  double extent = 1;      ///< share of the signature's energy inside those blocks
  bool nonfinite = false; ///< matched by where the result is not finite
  std::string where;      ///< "" when everywhere, else e.g. "o: heads 2-3"
  std::vector<Mask> masks; ///< one per tensor; empty when everywhere
};

/// A residual under diagnosis with its energy beyond noise. `noise`: residual of an emulated right kernel, or empty.
struct Residual {
  Residual(std::vector<float> residual, const std::vector<float>& noise);
  std::vector<float> values;
  double energy;    ///< sum of squares over the finite elements
  double excess;    ///< of it, what noise does not explain (at least 2 %)
  bool nonfinite;
};

/// The signature acting everywhere: cheap.
Match match_everywhere(const Residual& residual, const std::vector<float>& signature);
/// Also tries it confined to some sequences, heads and channels of each tensor; keeps that if it fits clearly better.
Match match(const SignatureSpace& space, const Residual& residual, const std::vector<float>& signature);

/// cos^2 of the angle between two signatures, each confined to where it was matched; for non-finite ones the overlap.
double similarity(const SignatureSpace& space, const std::vector<float>& a, const Match& match_a, const std::vector<float>& b, const Match& match_b);

}  // namespace fw::verify
