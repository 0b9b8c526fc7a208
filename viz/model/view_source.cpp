// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The view model's commands for traces and models: which head is shown, and a model that decodes on.
#include <algorithm>

#include "core/error.h"
#include "viz/model/view_model.h"

namespace fw::viz {

namespace {

std::string last_part(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

}  // namespace

void ViewModel::ask(Request request) {
  dragging_ = false;
  const bool beside = is_long(request.document);
  carry_out(std::move(request), beside);
}

ViewModel::Request ViewModel::afresh(const std::string& path) const {
  Request r{document(), "opening " + last_part(path), {}, {}};
  r.document.commands.clear();
  r.document.branch.reset();
  r.document.trace.reset();
  r.document.model.reset();
  r.commit = [](ViewModel& view, Document next) {
    view.history_.push(std::move(next));
    view.selection.unlock();
    view.transport.to_end();
  };
  return r;
}

void ViewModel::open_trace(const TraceSource& source) {
  Request r = afresh(source.path);
  r.document.trace = source;
  r.source = [](Document& next, Sources& sources) {
    sources.open(next);
    next.a = Head{false, sources.variant(next), {}};
  };
  ask(std::move(r));
}

void ViewModel::open_model(const ModelSource& source) {
  Request r = afresh(source.path);
  r.document.model = source;
  r.source = [](Document& next, Sources& sources) {
    ModelSource& m = *next.model;
    if (m.fingerprint.empty()) m.fingerprint = fingerprint_of(m.path);  // as they are now
    sources.open(next);
    m.layer = sources.stack(next).layer;
    next.a = Head{false, sources.variant(next), {}};
  };
  ask(std::move(r));
}

void ViewModel::show_head(int layer, int head) {
  Request r{aimed(), "layer " + std::to_string(layer) + " head " + std::to_string(head), {}, {}, false, true};
  Document& next = r.document;
  if (next.model)
    next.model->layer = layer, next.model->head = head;
  else if (next.trace)
    next.trace->layer = layer, next.trace->head = head;
  else
    throw Error("view: layer: expected a checkpoint or a trace to choose from, got typed facts");
  // A by the rule of the layer, unless another was asked for.
  const Variant before = shown_.sources.variant(aimed()), now = shown_.sources.variant(next);
  if (!next.a.morph && next.a.variant == before) next.a.variant = now;
  if (next == aimed()) return;
  r.commit = [](ViewModel& view, Document shown) {
    const Focus locked = view.selection.locked();
    const int t = view.transport.t();
    view.history_.push(std::move(shown));
    view.selection.unlock();
    view.selection.lock(locked);
    view.transport.go(t, view.transport.phase());
  };
  ask(std::move(r));
}

void ViewModel::move_head(int layers, int heads) {
  const Stack all = stack();
  if (all.layers.empty()) return;
  const auto at = std::find(all.layers.begin(), all.layers.end(), all.layer) - all.layers.begin();
  const auto to = std::clamp<std::ptrdiff_t>(at + layers, 0, static_cast<std::ptrdiff_t>(all.layers.size()) - 1);
  show_head(all.layers[static_cast<std::size_t>(to)], std::clamp(all.head + heads, 0, all.heads - 1));
}

bool ViewModel::can_decode() const { return document().model && shown_.sources.a()->draws() && shown_.a->length() < Decoder::kMostTokens; }

void ViewModel::decode(int tokens) {
  if (!document().model) throw Error("decode: expected a checkpoint, got " + std::string(document().trace ? "a trace" : "typed facts"));
  make_current();
  Document next = document();
  next.model->drawn += tokens;
  const int length = shown_.sources.a()->given() + next.model->drawn;
  shown_.sources.extend(length);
  const ModelSource& m = *next.model;
  // Runs and timelines grow where they are, unless a copy of this view looks at them too.
  const bool alone =
      shown_.line_a != nullptr && shown_.a.use_count() <= 2 && (!shown_.b || shown_.b.use_count() <= 2);  // the view and its survivors
  const bool own_b = shown_.line_b != nullptr && shown_.line_b != shown_.line_a;
  if (alone && grow_timeline(*shown_.line_a, *shown_.sources.a(), m.layer, m.head, length)) {
    if (own_b) grow_timeline(*shown_.line_b, *shown_.sources.b(), m.layer, m.head, length);
    shown_.a->prepare_to_extend();
    if (shown_.b) shown_.b->prepare_to_extend();
    bring_forward(*shown_.a, shown_.b.get(), shown_.divergence);
    shown_.document = next;
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
  return shown_.sources.a() && t > 0 && t <= shown_.a->length() ? &shown_.sources.a()->forecast(t) : nullptr;
}

const Forecast* ViewModel::forecast_b() const {
  const int t = transport.t();
  return shown_.sources.b() && shown_.b && t > 0 && t <= shown_.b->length() ? &shown_.sources.b()->forecast(t) : nullptr;
}

}  // namespace fw::viz
