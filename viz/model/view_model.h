// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The whole state of the viewer without anything to draw it: document and history, runs A and B, time, selection, view
// options. Panels read it and call its commands; tests and the headless program drive the same object.
//   enter("Ana=red")   a command of the fact language: appended when the view stands at the end; inserted at an earlier t it
//                      forks, so that B becomes the branch and A stays what it was
//   enter("go 14")     go N | go end | go divergence | undo | redo | fork | join | sub decay | lock Ana | lock row 3
//   enter("layer 1")   of a checkpoint or trace: layer N | head N; of a checkpoint: prompt WORDS | example N | temperature X |
//                      top-k K | decode N | rerun on|off
//   enter("history 3") the state of the edit history with this number, 0 the first
//   enter("zoom key 4 11") zoom key|value|time|write|fact|other FIRST LAST (tokens and facts from 1), zoom off
//   enter("set a kda") set a|b RULE, set b off|morph, set tie|scalar|one|no-erase X (sliders of B), set seed N,
//                      set size DK DV, set policy uniform|banded, set alpha X, set keys random|orthonormal|shared X, set values
//                      random|orthonormal, set signal N|all, set beta-from both|b|w|effective, set map NAME, set scale
//                      linear|root, set range run|now, set theme light|dark, set motion full|reduced, set heads both|a|b,
//                      set half-life on|off, set classroom on|off, set font PIXELS|auto, set gates a|b, set
//                      rows channel|norm|decay, set facts written|cosine|norm|impact
//   enter("loop 3 10") loop FIRST LAST|on|off, play, pause, speed X, step N, and breakpoints: stop recall [KEY] X, stop erase X,
//                      stop apart X, stop off
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "viz/model/breakpoints.h"
#include "viz/model/document.h"
#include "viz/model/frame.h"
#include "viz/model/order.h"
#include "viz/model/ranks.h"
#include "viz/model/selection.h"
#include "viz/model/sources.h"
#include "viz/model/transport.h"
#include "viz/model/work.h"
#include "viz/model/zoom.h"

namespace fw::viz {

enum class Map { state, change, decay, erase, write, compare };
enum class Theme { light, dark };
/// Whose memory the first panel shows.
enum class Heads { both, a, b };

struct ViewOptions {
  Map map = Map::state;
  bool root_scale = false;  ///< colour by signed square root
  bool run_range = true;    ///< colours span the whole run, so that moments compare; else this moment
  Theme theme = Theme::light;
  Heads heads = Heads::both;
  bool half_life = false;       ///< decay as ln(1/2) / ln(alpha) tokens instead of alpha
  bool classroom = false;       ///< for a projector: large letters, thick lines, three panels
  double font = 0.0;            ///< pixels in [8,48]; 0: by the width
  bool reduced_motion = false;  ///< what would pulse stands still
  bool gates_of_b = false;
  RowOrder rows = RowOrder::channel;     ///< of the key channels
  int rows_at = 0;                       ///< by norm: of the state after this token, so that rows stay where they are
  FactOrder facts = FactOrder::written;  ///< of the table of associations
  Zoom zoom;
  std::vector<std::string> front;  ///< of panels that share a place the ones in front, where it is not the first
  bool operator==(const ViewOptions&) const = default;
};

class ViewModel {
 public:
  /// Starts with the demonstration.
  ViewModel();

  Transport transport;
  Selection selection;
  ViewOptions options;
  Breakpoints breakpoints;
  std::string stopped;  ///< why playing stopped, until it goes on

  /// Time has passed; true when t changed. Stops at breakpoints.
  bool tick(double seconds);

  const Document& document() const { return history_.now(); }
  const History& history() const { return history_; }
  const Run& a() const { return *shown_.a; }
  /// Null when nothing is compared.
  const Run* b() const { return shown_.b.get(); }
  /// A (and B) at the moment shown, worked out when it is asked for and changed.
  const Side& side_a();
  const Side* side_b();
  /// Grows whenever a run is replaced.
  int generation() const { return generation_; }
  int length() const;

  /// One line; throws fw::Error and changes nothing when it cannot be done.
  void enter(std::string_view line, int line_number = 1);
  /// A whole script, one undo step; errors name the line.
  void run_script(std::string_view text);
  /// Replace the document (session, example); throws and changes nothing when it is unusable. `then` is done once it is open.
  void open(Document document, std::function<void(ViewModel&)> then = {});
  /// A head of a file of tensors instead of typed facts, A by the file's rule; one undo step.
  void open_trace(const TraceSource& source);
  /// A checkpoint and what it reads, A by its layer's rule; one undo step.
  void open_model(const ModelSource& source);
  /// Another layer (by its number in the stack) or head of a trace or a model; throws when there is none.
  void show_head(int layer, int head);
  /// The next or previous of each, staying at the ends; nothing with typed facts.
  void move_head(int layers, int heads);
  /// What can be chosen from.
  Stack stack() const { return shown_.sources.stack(aimed()); }

  /// Could a step at the end of the run decode another token?
  bool can_decode() const;
  /// Let the model draw more tokens; no undo step. Throws when it cannot.
  void decode(int tokens);
  /// By whole tokens, as Transport::step; at the end of a model's text it decodes one more.
  void step(int tokens);
  /// Play or pause; at the end of a model's text it decodes on.
  void toggle();
  /// What the model says after the token shown; null before the first and without a model. B: when all is run again.
  const Forecast* forecast_a() const;
  const Forecast* forecast_b() const;
  /// The model's word for a token.
  std::string word(int token) const {
    return shown_.sources.a() ? shown_.sources.a()->checkpoint().show(token) : "#" + std::to_string(token);
  }
  /// A changed document as a new undo step; while something is dragged all changes are one step, ended by a change that is none.
  void change(Document document, bool dragging = false);
  bool undo();
  bool redo();
  /// To any state of the history; throws and changes nothing when there is none of this number or it cannot be shown.
  void revisit(int index);

  /// Long work (files, checkpoints, runs of many tokens) goes on beside the caller, who goes on showing what there is and calls
  /// poll() between frames. Off at first: all is there when a call returns, and it is the same to the bit. A new rule or slider is
  /// in the document at once and its runs follow; a new source is there as a whole or not at all. What is asked for last counts.
  void work_in_background(bool on) { background_ = on; }
  struct Working {
    std::string what;
    float done;  ///< in [0,1]
  };
  std::optional<Working> working() const;
  /// Take over what has been finished; true when it was. Throws what went wrong: then nothing has changed.
  bool poll();
  /// Wait for it.
  void finish();
  /// To be done once nothing is in progress: now, or after what is; never, when that does not come to be.
  void when_ready(std::function<void(ViewModel&)> next);
  /// Stop opening what is being opened.
  void give_up();
  /// Become what `saved` was, its history included.
  void restore(const ViewModel& saved);
  /// B becomes a copy of A up to the moment shown; what is entered next goes to B.
  void fork();
  /// B follows A's log again.
  void join();

  /// ||S_A - S_B||_F / ||S_A||_F after t tokens, index t; empty without B.
  const Vec& divergence() const { return shown_.divergence; }
  /// First t where it exceeds 1e-3; -1: nowhere.
  int first_divergence() const;
  /// Fact whose key is asked: focused, else the token's own, else -1.
  int tracked_fact() const;
  /// Which key channel stands in which row of the memory; empty: each in its own.
  const std::vector<int>& key_rows();
  /// Ranks over time as far as they are known. measure_ranks() works out more, for about so many multiplications; false: all known.
  const Ranks& ranks_a() const { return ranks_a_; }
  const Ranks* ranks_b() const { return shown_.b ? &ranks_b_ : nullptr; }
  bool measure_ranks(double work);

  /// Token x token pictures of A: all of a run of up to kMostSquare tokens, else kMostSquare around the moment shown.
  static constexpr int kMostSquare = 256;
  struct Square {
    int first = 1;  ///< token of row and column 0
    Grid grid;
  };
  const Square& attention_a();
  const Square& retention_a();

 private:
  /// What runs A and B came from, and what came of it.
  struct Scene {
    Document document;
    Sources sources;
    std::shared_ptr<Timeline> line_a, line_b;  ///< the same where B sees what A sees
    std::shared_ptr<Run> a, b;
    Vec divergence;
    std::shared_ptr<Survivors> survivors_a, survivors_b;
    bool new_a = false, new_b = false;
  };
  struct Request {
    Document document;
    std::string what;                                 ///< for people
    std::function<void(Document&, Sources&)> source;  ///< opens it; what it says may be filled into the document
    std::function<void(ViewModel&, Document)> commit;
    bool in_document = false;  ///< the history has it already
    bool other_head = false;   ///< of the same source
  };
  struct Pending {
    Request request;
    std::shared_ptr<Scene> scene;
    std::unique_ptr<Background> background;
  };
  /// A copy of a view has no work in progress.
  struct PendingOfOne {
    std::unique_ptr<Pending> it;
    PendingOfOne() = default;
    PendingOfOne(const PendingOfOne&) {}
    PendingOfOne(PendingOfOne&&) = default;
    PendingOfOne& operator=(const PendingOfOne&) { return it.reset(), *this; }
    PendingOfOne& operator=(PendingOfOne&&) = default;
  };
  static void build(Scene& scene, const Request& request, std::vector<Grid>& spare, Work* work);
  void install(Scene scene);
  void adopt(const Document& document);
  void carry_out(Request request, bool beside);
  /// Ends a drag; works beside the window where it takes long.
  void ask(Request request);
  /// A document of nothing but a source, to be filled in; then shown from its end.
  Request afresh(const std::string& path) const;
  void move_history(int steps);
  bool is_long(const Document& next) const;
  bool same_source(const Document& next) const;
  const Document& aimed() const { return pending_.it && pending_.it->request.other_head ? pending_.it->request.document : document(); }
  void halt();
  void settle();
  void make_current();
  void enter_command(const Command& command);
  void refresh_sides();
  void refresh_squares();

  History history_;
  bool dragging_ = false, background_ = false;
  Scene shown_;
  std::vector<Grid> spare_;  ///< states of the B before, for the next one
  int generation_ = 0, generation_a_ = 0, generation_b_ = 0;
  struct Key {
    int generation = -1, t = -1, query = -2;
    Phase phase = Phase::write;
    bool operator==(const Key&) const = default;
  } moment_a_, moment_b_;
  Side side_a_, side_b_;
  Ranks ranks_a_, ranks_b_;
  struct RowsKey {
    int generation = -1, at = 0;
    RowOrder by = RowOrder::channel;
    bool operator==(const RowsKey&) const = default;
  } rows_of_;
  std::vector<int> rows_;
  int squares_of_ = -1;
  Square attention_, retention_;
  PendingOfOne pending_;
};

/// The commands shown when nothing else was asked for.
std::string demonstration();

/// As they come, by norm at this moment, by decay, and as they come again.
void next_row_order(ViewModel& view);
/// As written, worst cosine first, largest norm first, largest impact first, and as written again.
void next_fact_order(ViewModel& view);

const char* name_of(Map map);

}  // namespace fw::viz
