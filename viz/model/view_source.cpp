// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The view model's commands for traces and models: which head is shown, and a model that decodes on.
#include <algorithm>

#include "core/error.h"
#include "viz/model/view_model.h"

namespace fw::viz {

void ViewModel::open_trace(const TraceSource& source) {
  Document next = document();
  next.commands.clear();
  next.branch.reset();
  next.model.reset();
  next.trace = source;
  Sources sources = sources_;
  sources.open(next);
  next.a = Head{false, sources.variant(next), {}};
  change(std::move(next));
  selection.unlock();
  transport.to_end();
}

void ViewModel::open_model(const ModelSource& source) {
  Document next = document();
  next.commands.clear();
  next.branch.reset();
  next.trace.reset();
  next.model = source;
  if (source.fingerprint.empty()) next.model->fingerprint = fingerprint_of(source.path);  // as they are now
  Sources sources = sources_;
  sources.open(next);
  next.model->layer = sources.stack(next).layer;
  next.a = Head{false, sources.variant(next), {}};
  opened_ = std::move(sources);
  change(std::move(next));
  selection.unlock();
  transport.to_end();
}

void ViewModel::show_head(int layer, int head) {
  Document next = document();
  if (next.model)
    next.model->layer = layer, next.model->head = head;
  else if (next.trace)
    next.trace->layer = layer, next.trace->head = head;
  else
    throw Error("view: layer: expected a checkpoint or a trace to choose from, got typed facts");
  // A by the rule of the layer, unless another was asked for.
  const Variant before = sources_.variant(document()), now = sources_.variant(next);
  if (!next.a.morph && next.a.variant == before) next.a.variant = now;
  const Focus locked = selection.locked();
  const int t = transport.t();
  change(std::move(next));
  selection.unlock();
  selection.lock(locked);
  transport.go(t, transport.phase());
}

void ViewModel::move_head(int layers, int heads) {
  const Stack all = stack();
  if (all.layers.empty()) return;
  const auto at = std::find(all.layers.begin(), all.layers.end(), all.layer) - all.layers.begin();
  const auto to = std::clamp<std::ptrdiff_t>(at + layers, 0, static_cast<std::ptrdiff_t>(all.layers.size()) - 1);
  show_head(all.layers[static_cast<std::size_t>(to)], std::clamp(all.head + heads, 0, all.heads - 1));
}

bool ViewModel::can_decode() const { return document().model && sources_.a()->draws() && a_->length() < Decoder::kMostTokens; }

void ViewModel::decode(int tokens) {
  if (!document().model) throw Error("decode: expected a checkpoint, got " + std::string(document().trace ? "a trace" : "typed facts"));
  Document next = document();
  next.model->drawn += tokens;
  const int length = sources_.a()->given() + next.model->drawn;
  sources_.extend(length);
  const ModelSource& m = *next.model;
  // Runs and timelines grow where they are, unless a copy of this view looks at them too.
  const bool alone = line_a_ != nullptr && a_.use_count() <= 2 && (!b_ || b_.use_count() <= 2);  // the view and its survivors
  const bool own_b = line_b_ != nullptr && line_b_ != line_a_;
  if (alone && grow_timeline(*line_a_, *sources_.a(), m.layer, m.head, length)) {
    if (own_b) grow_timeline(*line_b_, *sources_.b(), m.layer, m.head, length);
    a_->extend();
    if (b_) b_->extend();
    extend_divergence();
    adopted_ = next;
    ++generation_, ++generation_a_, ++generation_b_;
    transport.set_length(this->length());
  } else {
    adopt(next);  // other tokens are named now
  }
  history_.amend(std::move(next));
}

void ViewModel::step(int tokens) {
  if (tokens > 0 && transport.t() == length() && can_decode()) {
    transport.pause();
    decode(1);
    return transport.go(length());
  }
  transport.step(tokens);
}

void ViewModel::toggle() {
  if (!transport.playing() && transport.t() == length() && can_decode()) decode(1);
  transport.toggle();
}

const Forecast* ViewModel::forecast_a() const {
  const int t = transport.t();
  return sources_.a() && t > 0 && t <= a_->length() ? &sources_.a()->forecast(t) : nullptr;
}

const Forecast* ViewModel::forecast_b() const {
  const int t = transport.t();
  return sources_.b() && b_ && t > 0 && t <= b_->length() ? &sources_.b()->forecast(t) : nullptr;
}

}  // namespace fw::viz
