// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// How a changed document becomes runs: built first, on whatever thread, from what is shown now and without touching it; then
// installed, which is quick. So what cannot be built changes nothing, and a window goes on while a long run is worked out.
#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "viz/model/view_model.h"

namespace fw::viz {
namespace {

/// Longer things are worked out in the background: elements of states to be written, bytes of a file.
constexpr double kLongRun = 12e6;
constexpr std::uintmax_t kLongFile = std::uintmax_t{4} << 20;

/// Whether B's gates rule everywhere is nothing to A.
bool same_for_a(std::optional<ModelSource> x, const std::optional<ModelSource>& y) {
  if (x && y) x->rerun = y->rerun;
  return x == y;
}

bool same_log_for_a(const Document& x, const Document& y) {
  return x.settings == y.settings && x.commands == y.commands && x.trace == y.trace && same_for_a(x.model, y.model);
}

bool same_for_b(const Document& x, const Document& y) {
  return x.model == y.model && x.compare == y.compare && x.b == y.b && x.branch == y.branch;
}

}  // namespace

/// `scene` is what is shown and becomes what is wanted; what differs is made anew, nothing that it shares is written.
void ViewModel::build(Scene& scene, const Request& request, std::vector<Grid>& spare, Work* work) {
  Document document = request.document;
  check_head(document.a);
  check_head(document.b);
  if (work != nullptr) work->stage(0.0f, 0.25f);
  if (request.source)
    request.source(document, scene.sources);
  else
    scene.sources.open(document);
  const bool same_log = scene.a != nullptr && same_log_for_a(document, scene.document);
  const bool new_a = !same_log || !(document.a == scene.document.a);
  // B has a timeline of its own on a branch, and where the model was run again with its gates.
  const bool same_b = same_log && same_for_b(document, scene.document);
  auto line_a = same_log ? scene.line_a : scene.sources.timeline_a(document);
  auto line_b = same_b ? scene.line_b : document.compare ? scene.sources.timeline_b(document) : nullptr;
  if (document.compare && line_b == nullptr) line_b = line_a;
  const bool new_b = document.compare && (scene.b == nullptr || !same_b || line_b != scene.line_b);
  if (work != nullptr) work->stage(0.25f, 0.95f);
  Run::Options later;
  later.later = true;
  if (new_a) scene.a = std::make_shared<Run>(line_a, document.a, later);
  if (new_b) scene.b = std::make_shared<Run>(line_b, document.b, later, std::exchange(spare, {}));
  if (!document.compare) scene.b = nullptr;
  if (new_a || new_b || !document.compare) scene.divergence.clear();
  if (new_a || new_b) bring_forward(*scene.a, scene.b.get(), scene.divergence, work);
  if (new_a) scene.survivors_a = std::make_shared<Survivors>(scene.a);
  if (new_b) scene.survivors_b = std::make_shared<Survivors>(scene.b);
  if (!document.compare) scene.survivors_b = nullptr;
  if (work != nullptr) {  // what the first look would have to wait for
    work->stage(0.95f, 1.0f);
    for (const auto& [run, survivors, is_new] :
         {std::tuple{scene.a, scene.survivors_a, new_a}, std::tuple{scene.b, scene.survivors_b, new_b}}) {
      if (!is_new) continue;
      static_cast<void>(survivors->origins(run->length()));
      for (int f = 0; f < static_cast<int>(run->timeline().facts.size()); ++f) static_cast<void>(run->recall(f));
      work->report(0.5);
    }
  }
  scene.line_a = std::move(line_a);
  scene.line_b = std::move(line_b);
  scene.new_a = new_a, scene.new_b = new_b;
  scene.document = std::move(document);
}

void ViewModel::install(Scene next) {
  if (next.new_b) {
    shown_.survivors_b.reset();
    if (shown_.b && shown_.b.use_count() == 1) spare_ = shown_.b->take_states();
  }
  if (next.new_a) ++generation_a_, ranks_a_ = {};
  if (next.new_b) ++generation_b_, ranks_b_ = {};
  shown_ = std::move(next);
  ++generation_;
  transport.set_length(length());
}

/// At once, the history aside.
void ViewModel::adopt(const Document& document) {
  Scene next = shown_;
  build(next, Request{document, {}, {}, {}}, spare_, nullptr);
  install(std::move(next));
}

void ViewModel::carry_out(Request request, bool beside) {
  if (!beside) {
    halt();
    try {
      Scene next = shown_;
      build(next, request, spare_, nullptr);
      Document opened = next.document;
      install(std::move(next));
      if (request.commit) request.commit(*this, std::move(opened));
    } catch (...) {
      settle();
      throw;
    }
    return;
  }
  std::unique_ptr<Background> before = pending_.it ? std::move(pending_.it->background) : nullptr;
  auto scene = std::make_shared<Scene>(shown_);
  auto spare = std::make_shared<std::vector<Grid>>(std::exchange(spare_, {}));
  auto next = std::make_unique<Pending>(Pending{std::move(request), scene, nullptr});
  next->background = std::make_unique<Background>(
      [scene, spare, wanted = next->request](Work& work) { build(*scene, wanted, *spare, &work); }, std::move(before));
  pending_.it = std::move(next);
}

bool ViewModel::same_source(const Document& next) const {
  return same_log_for_a(next, shown_.document) && next.branch == shown_.document.branch;
}

bool ViewModel::is_long(const Document& next) const {
  if (!background_) return false;
  const Document& now = shown_.document;
  if (!same_source(next)) {
    std::error_code none;
    if (next.trace) return std::filesystem::file_size(next.trace->path, none) > kLongFile && !none;
    return next.model.has_value();
  }
  if (next.model && next.model->rerun && next.compare && !same_for_b(next, now)) return true;  // the whole of it reads again
  const Timeline& line = shown_.a->timeline();
  const int runs = (next.a == now.a ? 0 : 1) + (next.compare && !same_for_b(next, now) ? 1 : 0);
  return static_cast<double>(runs) * length() * line.dk * line.dv > kLongRun;
}

void ViewModel::open(Document document, std::function<void(ViewModel&)> then) {
  Request r{std::move(document), "opening", {}, {}};
  r.commit = [then = std::move(then)](ViewModel& view, Document opened) {
    view.history_.reset(std::move(opened));
    view.selection.unlock();
    view.transport.to_end();
    if (then) then(view);
  };
  const bool beside = is_long(r.document);
  carry_out(std::move(r), beside);
}

void ViewModel::change(Document document, bool dragging) {
  if (!(document == history_.now())) {
    const bool beside = is_long(document), at_once = !beside || same_source(document), amend = dragging_;
    Request r{document, "working out " + short_name(document.b), {}, {}, at_once && beside};
    const auto keep = [amend](ViewModel& view, Document changed) {
      amend ? view.history_.amend(std::move(changed)) : view.history_.push(std::move(changed));
    };
    if (beside && at_once)
      keep(*this, std::move(document));
    else
      r.commit = keep;
    carry_out(std::move(r), beside);
  }
  dragging_ = dragging;
}

/// By so many states, which must be there.
void ViewModel::move_history(int steps) {
  const auto move = [](History& history, int n) {
    for (; n > 0; --n) history.redo();
    for (; n < 0; ++n) history.undo();
  };
  move(history_, steps);
  Request r{history_.now(), steps < 0 ? "going back" : "going forward", {}, {}};
  const bool beside = is_long(r.document);
  r.in_document = beside && same_source(r.document);
  if (!r.in_document) {  // a trace may be gone
    move(history_, -steps);
    r.commit = [move, steps](ViewModel& view, const Document&) { move(view.history_, steps); };
  }
  carry_out(std::move(r), beside);
}

bool ViewModel::undo() {
  if (pending_.it && !pending_.it->request.in_document) return give_up(), true;  // the last that was asked for
  if (!history_.can_undo()) return false;
  return move_history(-1), true;
}

bool ViewModel::redo() {
  if (!history_.can_redo()) return false;
  return move_history(1), true;
}

void ViewModel::revisit(int index) {
  if (index < 0 || index >= history_.count())
    throw Error("history: expected a state in [0," + std::to_string(history_.count() - 1) + "], got " + std::to_string(index));
  give_up();
  move_history(index - history_.position());
}

void ViewModel::restore(const ViewModel& saved) {
  const int newest = std::max(generation_, saved.generation_);
  const bool beside = background_;
  halt();
  *this = saved;
  background_ = beside;
  generation_ = newest + 1;  // pictures of either must not be taken for this
  settle();
}

std::optional<ViewModel::Working> ViewModel::working() const {
  if (!pending_.it) return {};
  return Working{pending_.it->request.what, pending_.it->background->done()};
}

bool ViewModel::poll() {
  if (!pending_.it || !pending_.it->background->finished()) return false;
  const std::unique_ptr<Pending> done = std::move(pending_.it);
  const std::exception_ptr failure = done->background->failure();
  done->background.reset();  // and with it what it held of the view
  if (failure) {
    settle();
    std::rethrow_exception(failure);
  }
  Document opened = done->scene->document;
  install(std::move(*done->scene));
  if (done->request.commit) done->request.commit(*this, std::move(opened));
  return true;
}

void ViewModel::finish() {
  while (pending_.it) {
    pending_.it->background->wait();
    poll();
  }
}

void ViewModel::when_ready(std::function<void(ViewModel&)> next) {
  if (!pending_.it) return next(*this);
  auto& commit = pending_.it->request.commit;
  commit = [first = std::move(commit), next = std::move(next)](ViewModel& view, Document opened) {
    if (first) first(view, std::move(opened));
    next(view);
  };
}

/// Nothing is in progress any more; what the history has may not be shown yet.
void ViewModel::halt() { pending_.it.reset(); }

/// What the history has is shown, or on its way.
void ViewModel::settle() {
  if (pending_.it || shown_.a == nullptr || shown_.document == history_.now()) return;
  carry_out(Request{history_.now(), "working out " + short_name(history_.now().b), {}, {}, true}, background_);
}

void ViewModel::give_up() {
  if (!pending_.it || pending_.it->request.in_document) return;
  halt();
  settle();
}

/// What the history has is shown.
void ViewModel::make_current() {
  give_up();
  finish();
}

}  // namespace fw::viz
