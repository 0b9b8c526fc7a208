// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Inside localise: the tensor as a list of rows, each with its place, its error and the noise to expect there.
//   sigma2(row) = mean square of the yardstick's error in the row + rho^2 max(ms(truth row), floor^2 ms(truth)),
// rho the yardstick's global relative error: a single row's own error is too few samples to trust alone. The noise of an
// element is sigma2(row) times the channel's usual share of it. All sums below are in units of this noise.
#pragma once

#include <vector>

#include "verify/localise.h"

namespace fw::verify::detail {

struct RowPlace {
  index_t sequence = -1, batch = -1, token = -1, length = 0;
  index_t head = -1, rank = -1, key_channel = -1;
};

struct RowError {
  double error = 0, truth = 0, noise = 0;  ///< mean squares over the finite elements: candidate - truth, truth, yardstick - truth
  double sigma2 = 0;
  double peak = 0;        ///< largest squared error of an element in units of its noise
  index_t worst = 0;      ///< that element's channel
  index_t finite = 0;     ///< elements that count
  index_t nonfinite = 0;  ///< elements for which RowTable::nonfinite holds
};

class RowTable {
 public:
  RowTable(const TensorUnderTest& tensor, const Geometry& geometry, double relative_noise);

  const TensorUnderTest& tensor;
  const Geometry& geo;
  index_t width = 1;          ///< elements of a row
  bool has_channels = false;  ///< the last axis is a channel axis
  std::vector<RowPlace> place;
  std::vector<RowError> row;
  std::vector<double> channel_noise;  ///< per channel, relative to the row's sigma2
  double truth_rms = 0;               ///< of the whole tensor
  double error_over_noise = 0;

  index_t count() const { return static_cast<index_t>(row.size()); }
  bool has(Axis axis) const;
  Axis channel_axis() const { return tensor.axes.back(); }
  Axis head_axis() const { return has(Axis::key_head) ? Axis::key_head : Axis::value_head; }
  /// Size of an axis the tensor has.
  index_t size_of(Axis axis) const;
  index_t stride_of(Axis axis) const;
  /// Both numbers finite: the element takes part in sums.
  bool counts(index_t flat) const;
  /// Only one of the two is finite, or both are not and they differ.
  bool nonfinite(index_t flat) const;
  double difference(index_t flat) const { return tensor.candidate[flat] - tensor.truth[flat]; }
  /// RMS error of the row beyond `bar` times what noise makes, or one element far beyond it.
  bool bad(index_t r, double bar = 1.0) const;
  /// As core/compare.h: RMS(error) / max(RMS(row), floor RMS(tensor)); infinite for a row with a non-finite fault.
  double relative_error(index_t r) const;
  Place describe(index_t r, index_t channel) const;

 private:
  void place_rows();
  void measure(double relative_noise);
  /// One number per head says little about its own noise: at least the mean over the heads of the token.
  void share_noise();
  void measure_channels();
};

/// Multiple of the noise that the RMS of so many samples may reach: few samples have long tails.
double noise_limit(index_t samples);

/// One kind of fault spread over rows and channels: weight, and which rows and channels are hit.
struct ErrorMap {
  const char* what = "error";  ///< "error", or "non-finite values"
  const char* prefix = "";     ///< of the findings' kinds
  std::vector<double> row, channel;
  std::vector<char> row_bad, channel_bad;
  index_t bad_rows = 0;
  index_t clear_rows = 0;  ///< at twice the limit and more
};

ErrorMap finite_errors(const RowTable& table, double bar);
/// A bar far above most of the errors in `errors`, which are themselves bad at bar 1.
double strong_bar(const RowTable& table, const ErrorMap& errors);
ErrorMap nonfinite_errors(const RowTable& table);

/// Classes that hold nearly all of a fault (localise_alignment.cpp, localise_channels.cpp).
std::vector<Finding> align_time(const RowTable& table, const ErrorMap& map);
std::vector<Finding> align_heads(const RowTable& table, const ErrorMap& map);
std::vector<Finding> align_sequences(const RowTable& table, const ErrorMap& map);
std::vector<Finding> align_channels(const RowTable& table, const ErrorMap& map);
/// Right numbers in the wrong place (localise_permutation.cpp).
std::vector<Finding> find_permutations(const RowTable& table, const ErrorMap& map);
/// A constant factor, offset, zeros, a fill value (localise_values.cpp).
std::vector<Finding> find_values(const RowTable& table, const ErrorMap& map);
/// localise_time.cpp
TimeProfile time_profile(const RowTable& table, const ErrorMap& map);

/// "value head", "channel", ... for texts.
const char* axis_noun(const RowTable& table, Axis axis);

}  // namespace fw::verify::detail
