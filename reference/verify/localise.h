// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Where a wrong tensor is wrong. Given a candidate, the truth and a yardstick (what an ideal kernel of the same precision
// returns), say which token, head, channel and sequence are hit first and worst; which simple class of places holds the
// error (tail rows, every fourth column, one head of each group ...); whether the numbers are right but in the wrong
// place or multiplied by a constant; how the error runs over time; and where non-finite values begin and why.
//
// A row is one [token, head] line of the last axis (one number where the tensor has no channel axis). A row is bad when
// its RMS error is far outside the noise of the yardstick's row; everything below speaks of bad rows only, weighs errors
// in units of that noise, and stays silent about what noise alone would show.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/problem.h"

namespace fw::verify {

/// pair: the rotated channel pairs of theta.
enum class Axis { batch, time, key_head, value_head, rank, key_channel, value_channel, sequence, pair };

/// What the axes of a tensor mean, from its name ("o", "dg", "final_state", ...; inputs too) and shape; heads of g, b and
/// of the decay parameters are told by the shape. Throws when the shape does not fit the geometry.
std::vector<Axis> axes_of(std::string_view tensor_name, const Shape& shape, const Geometry& geometry);

struct TensorUnderTest {
  std::string name;
  std::vector<Axis> axes;
  TensorView<const double> candidate, truth;
  TensorView<const double> yardstick;  ///< may be absent
};

struct Place {
  bool defined = false;
  std::string text;                                            ///< "sequence 0, token 64 (chunk 1, row 0), head 2, channel 5", chunks of 64
  std::vector<index_t> index;                                  ///< one per axis of the tensor; of the row's worst element
  index_t sequence = -1, token = -1, head = -1, channel = -1;  ///< -1: no such axis. token: inside its own sequence
  double candidate = 0, truth = 0;
  double row_error = 0;  ///< RMS(row error) / max(RMS(row), floor RMS(tensor)), floor as core/compare.h; infinite for a non-finite row
  double row_noise = 0;  ///< the same of the yardstick
};

struct Finding {
  /// Stable identifier. Classes of places: time-..., head-..., batch-..., sequence-..., rank-..., channels-...,
  /// state-row-channels-..., each also with nonfinite- in front. Explanations: factor, sign, offset, zero, fill,
  /// transposed, layout-..., token-late, token-early, time-reversed, ...-first-for-all, ...-previous, ...-permuted and
  /// the like. noise-level: a larger error spread like the yardstick's.
  std::string kind;
  std::string text;
  double share = 0;  ///< of the excess error that lies in the class, or that the finding explains
  double lift = 1;   ///< share / the class's share of the elements; 1 where there is no class
};

/// Error over the token position inside its sequence, in windows of `width` tokens; relative to the truth's size there.
struct TimeProfile {
  std::string shape;  ///< "none", "noise", "short", "flat", "step", "spikes", "tail", "start", "linear", "power",
                      ///< "exponential", "fading", "backward-linear", "irregular"
  std::string text;   ///< one phrase with numbers; "" for tensors without a time axis
  index_t width = 1;
  std::vector<double> error, noise;
};

struct NonFinite {
  index_t nan = 0, infinite = 0;  ///< elements where the candidate is so and the truth is not
  index_t rows = 0, whole_rows = 0;
  index_t in_truth = 0;  ///< non-finite elements of the truth itself
  Place first, last;
};

struct Localisation {
  Place first, worst;
  index_t rows_bad = 0, rows_total = 0;
  double error_over_noise = 0;  ///< global, finite elements
  /// Indices with at least one bad row. bad_channels: of the last axis; bad_key_channels: of a state's rows.
  std::vector<index_t> bad_heads, bad_channels, bad_key_channels, bad_sequences, bad_batches;
  std::vector<index_t> first_bad_token;  ///< per sequence, -1: none; empty without a time axis
  std::vector<Finding> findings;         ///< what explains the error first, then classes by lift
  std::string time_profile;              ///< = profile.text
  TimeProfile profile;
  NonFinite nonfinite;
};

/// `relative_noise` is the noise level where the yardstick is absent or not finite; infinite: unknown, taken from the
/// yardstick's finite rows, 2 % at least.
Localisation localise(const TensorUnderTest& tensor, const Geometry& geometry, double relative_noise);

/// Why non-finite values may have appeared: the decay's exponent span in the chunk where they begin against what exp and
/// exp2 can hold, sizes against the half-precision range, rows never written. Empty when there are none.
/// `options` tell how `inputs.g` becomes a log-decay. The share of a cause is how well it fits, 1 best. Gradients run
/// backward in time: for names that begin with d the last non-finite token is where it begins.
std::vector<Finding> explain_nonfinite(const TensorUnderTest& tensor, const Inputs<double>& inputs, const Geometry& geometry,
                                       const Options& options = {});

}  // namespace fw::verify
