// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// From what a decoder has written down to one head's timeline. Tokens have no keys that people know: every token, or every
// 2nd, 4th, ... of a long text, stands in the tables as "k17", and what memory is meant to answer there is what was written, z.
#include <fmt/format.h>

#include "core/error.h"
#include "viz/model/decoder.h"

namespace fw::viz {
namespace {

constexpr int kMostFacts = 48;

int stride_for(int tokens) {
  int stride = 1;
  while (tokens > kMostFacts * stride) stride *= 2;
  return stride;
}

void add(Timeline& line, const Decoder& decoder, const DecodedLayer& layer, int head, int t, int stride) {
  Entry e = layer.heads[static_cast<std::size_t>(head)][static_cast<std::size_t>(t - 1)];
  const Checkpoint& model = decoder.checkpoint();
  const Forecast& next = decoder.forecast(t);
  const auto word = [&](const Forecast::Chance& c) { return fmt::format("{} ({:.3f})", model.show(c.token), c.probability); };
  e.label = model.show(decoder.tokens()[static_cast<std::size_t>(t - 1)]);
  e.drawn = t > decoder.given();
  e.note = "expects " + word(next.best[0]);
  if (next.target >= 0) {
    e.verdict = next.target == next.best[0].token ? 1 : -1;
    e.note = "answers " + word(next.best[0]) + (e.verdict > 0 ? ", right" : ", right would be " + word(next.right));
  }
  if ((t - 1) % stride == 0) {
    Vec z = e.v;
    for (std::size_t j = 0; j < z.size(); ++j) z[j] *= e.w[j];
    e.fact = static_cast<int>(line.facts.size());
    const std::string number = std::to_string(t), value = e.label;
    line.facts.push_back({"k" + number, e.k, {{t - 1, z, value, false}}});
    line.codebook.push_back({"z" + number + " " + value, z});
  }
  line.entries.push_back(std::move(e));
}

}  // namespace

Timeline timeline_of(const Decoder& decoder, int number, int head, int tokens) {
  const DecodedLayer& layer = decoder.layer(number);
  if (head < 0 || head >= static_cast<int>(layer.heads.size()))
    throw Error("head: expected 0 to " + std::to_string(layer.heads.size() - 1) + ", got " + std::to_string(head));
  Timeline line;
  line.dk = layer.dk;
  line.dv = layer.dv;
  line.scale = layer.scale;
  line.S0 = Grid(line.dk, line.dv);
  for (int t = 1; t <= tokens; ++t) add(line, decoder, layer, head, t, stride_for(tokens));
  return line;
}

bool grow_timeline(Timeline& line, const Decoder& decoder, int number, int head, int tokens) {
  const int stride = stride_for(tokens);
  if (stride != stride_for(line.length())) return false;
  for (int t = line.length() + 1; t <= tokens; ++t) add(line, decoder, decoder.layer(number), head, t, stride);
  return true;
}

}  // namespace fw::viz
