// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/sources.h"

#include <algorithm>

#include "core/error.h"

namespace fw::viz {

void Sources::open(const Document& d) {
  if ((d.trace || d.model) && (!d.commands.empty() || d.branch || (d.trace && d.model)))
    throw Error("view: commands: expected none beside a trace or a checkpoint, got " + std::to_string(d.commands.size()));
  if (!d.trace) {
    file_ = nullptr;
  } else if (!file_ || file_->path() != d.trace->path || !file_->current()) {
    file_ = std::make_shared<const TraceFile>(d.trace->path);
  }
  if (!d.model) {
    checkpoint_ = nullptr, a_ = b_ = nullptr;
    return;
  }
  const ModelSource& m = *d.model;
  if (!checkpoint_ || checkpoint_->path != m.path || (!m.fingerprint.empty() && checkpoint_->fingerprint != m.fingerprint) ||
      task_ != m.task || settings_ != m.settings) {
    checkpoint_ = load_checkpoint(m.path, m.fingerprint, m.task, m.settings);
    task_ = m.task, settings_ = m.settings;
    a_ = b_ = nullptr;
  }
  if (!a_ || !a_->source().same_text(m)) {
    a_ = std::make_shared<Decoder>(checkpoint_, m);
    b_ = nullptr;
  }
  a_->extend(a_->given() + m.drawn);
  if (!m.rerun || !d.compare) {
    b_ = nullptr;
  } else if (!b_ || !(narrowed_ == d.b)) {
    b_ = std::make_shared<Decoder>(*a_, d.b);
    narrowed_ = d.b;
  }
  if (b_) b_->follow(*a_);
}

std::shared_ptr<Timeline> Sources::timeline_a(const Document& d) const {
  if (d.model) return std::make_shared<Timeline>(timeline_of(*a_, d.model->layer, d.model->head, a_->given() + d.model->drawn));
  if (d.trace) return std::make_shared<Timeline>(file_->open(*d.trace).timeline);
  return std::make_shared<Timeline>(build_timeline(d.settings, d.commands));
}

std::shared_ptr<Timeline> Sources::timeline_b(const Document& d) const {
  if (d.branch) return std::make_shared<Timeline>(build_timeline(d.settings, d.branch->commands));
  if (b_) return std::make_shared<Timeline>(timeline_of(*b_, d.model->layer, d.model->head, a_->given() + d.model->drawn));
  return nullptr;
}

Stack Sources::stack(const Document& d) const {
  Stack out;
  if (d.model) {
    for (const DecodedLayer& layer : a_->layers()) out.layers.push_back(layer.number);
    const DecodedLayer& shown = a_->layer(d.model->layer);
    out.layer = shown.number, out.heads = static_cast<int>(shown.heads.size()), out.head = d.model->head;
  } else if (d.trace) {
    out.layers = file_->layers();
    out.layer = d.trace->layer < 0 ? out.layers.front() : d.trace->layer;
    out.heads = file_->heads(), out.head = d.trace->head;
  }
  return out;
}

Variant Sources::variant(const Document& d) const {
  if (d.model) return a_->layer(d.model->layer).variant;
  return d.trace ? file_->variant(*d.trace) : d.a.variant;
}

void Sources::extend(int tokens) const {
  a_->extend(tokens);
  if (b_) b_->follow(*a_);
}

}  // namespace fw::viz
