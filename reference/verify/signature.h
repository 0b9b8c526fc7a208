// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Residuals as vectors. The residual of a result is (result - truth) / RMS(truth), tensor by tensor, laid out in one
// vector per direction; a mistake's signature is the residual of its deliberately wrong reference. Large problems are
// sampled by rows (the same rows for everybody): every row near the ends of a sequence, a hashed share of the rest.
// Each element knows its cell: tensor, sequence, head and channel, so that a mistake confined to some heads or channels
// can still be matched.
#pragma once

#include <cstdint>
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
  /// All sampled elements of one channel of one head of one sequence of one tensor.
  struct Cell {
    std::uint32_t tensor, sequence, head, channel;
  };

  index_t size() const { return static_cast<index_t>(flat_.size()); }
  const std::vector<Tensor_>& tensors() const { return tensors_; }
  const std::vector<Cell>& cells() const { return cells_; }
  /// Which cell each place of the vector belongs to.
  const std::vector<std::uint32_t>& cell_of() const { return cell_of_; }
  /// (result - truth) / RMS(truth) at the sampled places; non-finite where the result is. Absent tensors count as right.
  std::vector<float> residual(const Results& result) const;

 private:
  const Results& truth_;
  std::vector<Tensor_> tensors_;
  std::vector<Cell> cells_;
  std::vector<std::uint32_t> cell_of_;
  std::vector<index_t> flat_;  ///< element of the tensor behind each place
};

/// Which heads, channels and sequences of one tensor a mistake acts in.
struct Mask {
  std::vector<char> head, channel, sequence;
};

/// How well a residual is explained by one signature.
struct Match {
  double score = 0;       ///< cos^2 after restricting the signature to the cells it acts in, noise energy taken off
  double amplitude = 0;   ///< residual = amplitude * signature there; 1 for the mistake itself
  double extent = 1;      ///< share of the signature's energy inside those cells
  double left = 0;        ///< energy of residual - amplitude * signature over the noise energy; about 1 when it explains all
  bool nonfinite = false; ///< matched by where the result is not finite
  std::string where;      ///< "" when everywhere, else e.g. "o: heads 2-3"
  std::vector<Mask> masks; ///< one per tensor; empty when everywhere
};

/// A mistake's residual with what is asked of it again and again.
struct Signature {
  Signature() = default;
  explicit Signature(std::vector<float> residual);
  std::vector<float> values;
  double energy = 0;       ///< sum of squares over the finite elements
  bool nonfinite = false;
};

/// A residual under diagnosis with its energy beyond noise. `noise`: residual of an emulated right kernel, or empty.
struct Residual {
  Residual(std::vector<float> residual, const std::vector<float>& noise);
  std::vector<float> values;
  double energy = 0;  ///< sum of squares over the finite elements
  double excess = 0;  ///< of it, what noise does not explain (at least 2 %)
  double noise = 0;   ///< energy of the noise
  bool nonfinite = false;
};

/// The signature acting everywhere: cheap.
Match match_everywhere(const Residual& residual, const Signature& signature);
/// Also tries it confined to some sequences, heads and channels of each tensor; keeps that if it fits clearly better.
Match match(const SignatureSpace& space, const Residual& residual, const Signature& signature);

/// cos^2 of the angle between two signatures, each confined to where it was matched; for non-finite ones the overlap.
double similarity(const SignatureSpace& space, const Signature& a, const Match& match_a, const Signature& b, const Match& match_b);

}  // namespace fw::verify
