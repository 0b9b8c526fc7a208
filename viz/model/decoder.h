// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A checkpoint reading its tokens one after the other, and everything its rules were handed on the way: for every layer with a
// memory and every head the entries of a timeline, and after every token what the model expects next. It only ever grows.
//   Decoder live(checkpoint, source);   live.extend(n);         the prompt, or the task's sequence; then n tokens are there
//   Decoder b(live, head);              b.follow(live);         the same tokens with the gates of all heads narrowed to `head`
// The model computes in float; entries are its rule's inputs, normalised and activated in double as the naive reference does.
#pragma once

#include <memory>
#include <vector>

#include "viz/model/checkpoint.h"
#include "viz/model/gates.h"
#include "viz/model/model_source.h"

namespace fw::viz {

/// What the model says after a token.
struct Forecast {
  struct Chance {
    int token = 0;
    double probability = 0;
  };
  std::vector<Chance> best;  ///< the likeliest first, at most kForecasts
  int target = -1;           ///< the right answer; -1: none is asked
  Chance right;              ///< of the target, wherever it stands
  double entropy = 0;        ///< in nats
};
constexpr int kForecasts = 24;

/// The entries of one layer: heads[h][t].
struct DecodedLayer {
  int number = 0;  ///< in the stack
  Variant variant = Variant::gdn2;
  double scale = 1.0;
  int dk = 0, dv = 0;
  std::vector<std::vector<Entry>> heads;
};

class Decoder {
 public:
  /// Most tokens that are decoded.
  static constexpr int kMostTokens = 4096;

  /// Throws: a prompt that is none, no task to take a sequence of, sampling options out of range, no layer with a memory.
  Decoder(std::shared_ptr<Checkpoint> checkpoint, const ModelSource& source);
  /// Reads what `leader` reads, with narrowed gates.
  Decoder(const Decoder& leader, const Head& narrowed);

  const Checkpoint& checkpoint() const { return *checkpoint_; }
  const ModelSource& source() const { return source_; }
  int length() const { return static_cast<int>(tokens_.size()); }
  /// Tokens that were given, not drawn.
  int given() const { return static_cast<int>(given_.size()); }
  /// Does it draw tokens after those given? The sequence of a task is all there is.
  bool draws() const { return source_.prompt.has_value(); }
  /// Read all that was given and draw until there are `tokens`; fewer do nothing.
  void extend(int tokens);
  /// Read what the leader has read.
  void follow(const Decoder& leader);

  const std::vector<std::int32_t>& tokens() const { return tokens_; }
  /// After token t, 1-based as in a run.
  const Forecast& forecast(int t) const { return forecasts_[static_cast<std::size_t>(t - 1)]; }
  const std::vector<DecodedLayer>& layers() const { return layers_; }
  /// Throws when the stack has no such layer with a memory. -1: the first.
  const DecodedLayer& layer(int number) const;

 private:
  class Watch;
  void read(const std::vector<std::int32_t>& tokens);
  void start();
  Forecast forecast_of(const float* logits, int index) const;

  std::shared_ptr<Checkpoint> checkpoint_;
  ModelSource source_;
  std::optional<Head> narrowed_;
  std::vector<std::int32_t> given_, targets_, tokens_;
  std::vector<Forecast> forecasts_;
  std::vector<DecodedLayer> layers_;
  model::DecodeState<float> state_;
  std::vector<float> last_logits_;
};

/// One head's timeline of the first `tokens` tokens; words as labels, right and wrong answers marked.
Timeline timeline_of(const Decoder& decoder, int layer, int head, int tokens);
/// The same, longer: false (and nothing done) when the named tokens must be chosen anew.
bool grow_timeline(Timeline& line, const Decoder& decoder, int layer, int head, int tokens);

}  // namespace fw::viz
