// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mistakes after the arithmetic: layout, unwritten or stale memory, shifted rows.
#include <algorithm>
#include <cmath>
#include <limits>

#include "verify/mistake.h"

namespace fw::verify {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool always(const Bench&) { return true; }
bool has_state(const Bench& b) { return b.truth.out.final_state.defined(); }
bool square_state(const Bench& b) { return has_state(b) && b.geo.Dk == b.geo.Dv; }
bool initial_and_state(const Bench& b) { return has_state(b) && b.problem.in.initial_state.defined(); }
bool over_one_token(const Bench& b) { return b.longest() > 1; }
bool tail(const Bench& b) {
  for (const auto& seq : b.geo.sequences)
    if (seq.length % b.chunk != 0) return true;
  return false;
}

/// f(token of the sequence, its length, pointer to the row, elements of a row) for every token; a row holds all heads.
template <class F>
void for_each_token(Tensor<double>& o, const Geometry& geo, F&& f) {
  const index_t width = o.numel() / std::max<index_t>(geo.B * geo.T, 1);
  for (const auto& seq : geo.sequences)
    for (index_t t = 0; t < seq.length; ++t) f(t, seq.length, o.data() + (seq.batch * geo.T + seq.begin + t) * width, width);
}

void shift(Tensor<double>& o, const Geometry& geo, int by) {
  const Tensor<double> right = o;
  const index_t width = o.numel() / std::max<index_t>(geo.B * geo.T, 1);
  for (const auto& seq : geo.sequences)
    for (index_t t = 0; t < seq.length; ++t) {
      double* row = o.data() + (seq.batch * geo.T + seq.begin + t) * width;
      const index_t from = t - by;
      if (from < 0 || from >= seq.length) std::fill_n(row, width, 0.0);
      else std::copy_n(right.data() + (seq.batch * geo.T + seq.begin + from) * width, width, row);
    }
}

void fill_tail(Tensor<double>& o, const Bench& b, double value) {
  for_each_token(o, b.geo, [&](index_t t, index_t length, double* row, index_t width) {
    if (t >= length / b.chunk * b.chunk) std::fill_n(row, width, value);
  });
}

/// What [B,HV,T,D] memory looks like to a reader of [B,T,HV,D].
void head_major(Tensor<double>& o, const Geometry& geo) {
  const Tensor<double> right = o;
  const index_t D = o.numel() / std::max<index_t>(geo.B * geo.T * geo.HV, 1);
  index_t to = 0;
  for (index_t b = 0; b < geo.B; ++b)
    for (index_t h = 0; h < geo.HV; ++h)
      for (index_t t = 0; t < geo.T; ++t, to += D) std::copy_n(right.data() + ((b * geo.T + t) * geo.HV + h) * D, D, o.data() + to);
}

/// Final states one chunk edge before the end: the partial chunk is not in them.
Results state_before_tail(const Bench& b) {
  std::vector<HeadOutput> out;
  for (const Head& right : b.heads) {
    HeadOutput whole = run_tokens(right);
    const index_t edge = right.T / b.chunk * b.chunk;
    if (edge < right.T) {
      Head head = right;
      head.T = edge;
      whole.ST = run_tokens(head).ST;
    }
    out.push_back(std::move(whole));
  }
  return scatter_outputs(b.geo, out);
}

}  // namespace

void add_output_mistakes(std::vector<Mistake>& bank) {
  using Edit = std::function<void(Outputs<double>&, const Bench&)>;
  const auto add = [&](const char* id, const char* title, const char* advice, bool (*applies)(const Bench&), Edit edit) {
    bank.push_back({id, Direction::forward, title, advice, false, applies, outputs_of_truth(std::move(edit))});
  };
  add("output-zero", "o is all zero", "was the kernel launched?", always, [](Outputs<double>& out, const Bench&) { out.o.fill(0.0); });
  add("output-late", "o of token t holds the result of token t-1", "", over_one_token, [](Outputs<double>& out, const Bench& b) { shift(out.o, b.geo, 1); });
  add("output-early", "o of token t holds the result of token t+1", "", over_one_token, [](Outputs<double>& out, const Bench& b) { shift(out.o, b.geo, -1); });
  add("output-head-major", "o is written as [B,H,T,D] and read as [B,T,H,D]", "H = 1 makes the error vanish", [](const Bench& b) { return b.geo.HV > 1 && b.geo.T > 1; },
      [](Outputs<double>& out, const Bench& b) { head_major(out.o, b.geo); });
  add("output-tail-unwritten", "rows of the last, partial chunk are not written (zeros)", "T a multiple of the chunk makes the error vanish", tail,
      [](Outputs<double>& out, const Bench& b) { fill_tail(out.o, b, 0.0); });
  add("output-tail-poisoned", "rows of the last, partial chunk keep what was in memory (NaN here)", "poison outputs before the call", tail,
      [](Outputs<double>& out, const Bench& b) { fill_tail(out.o, b, kNaN); });
  add("output-last-head-unwritten", "the last value head is not written (zeros)", "a head count that the block shape divides hides it", [](const Bench& b) { return b.geo.HV > 1; },
      [](Outputs<double>& out, const Bench& b) {
        for_each_token(out.o, b.geo, [&](index_t, index_t, double* row, index_t width) {
          const index_t D = width / b.geo.HV;
          std::fill_n(row + width - D, D, 0.0);
        });
      });
  add("output-upper-columns-unscaled", "value channels from Dk on lack the scale", "Dk = Dv makes the error vanish; a loop over Dk where Dv was meant",
      [](const Bench& b) { return b.geo.Dv > b.geo.Dk; }, [](Outputs<double>& out, const Bench& b) {
        for (index_t i = 0; i < out.o.numel(); ++i)
          if (i % b.geo.Dv >= b.geo.Dk) out.o[i] /= b.geo.scale;
      });
  add("output-halves-exchanged", "lower and upper half of the value channels exchanged", "", [](const Bench& b) { return b.geo.Dv >= 2; },
      [](Outputs<double>& out, const Bench& b) {
        const index_t D = b.geo.Dv, half = D / 2;
        for (index_t row = 0; row + D <= out.o.numel(); row += D) std::swap_ranges(out.o.data() + row, out.o.data() + row + half, out.o.data() + row + D - half);
      });
  add("output-fp16-overflow", "o passes through fp16: beyond 65504 it becomes Inf", "smaller v makes it vanish", [](const Bench& b) {
        for (index_t i = 0; i < b.truth.out.o.numel(); ++i)
          if (std::fabs(b.truth.out.o[i]) > 65504.0) return true;
        return false;
      },
      [](Outputs<double>& out, const Bench&) {
        for (index_t i = 0; i < out.o.numel(); ++i) out.o[i] = round_to(DType::f16, out.o[i]);
      });
  add("output-of-previous-sequence", "sequence (or batch row) n holds the result of the one before", "one sequence hides it",
      [](const Bench& b) { return b.geo.N > 1 && b.problem.in.cu_seqlens.empty(); }, [](Outputs<double>& out, const Bench& b) {
        const index_t row = out.o.numel() / b.geo.B;
        std::rotate(out.o.data(), out.o.data() + out.o.numel() - row, out.o.data() + out.o.numel());
      });
  add("final-state-transposed", "the final state is stored as [Dv,Dk]", "Dk != Dv shows it", square_state, [](Outputs<double>& out, const Bench& b) {
    const index_t D = b.geo.Dk;
    for (index_t s = 0; s < out.final_state.numel(); s += D * D)
      for (index_t i = 0; i < D; ++i)
        for (index_t j = 0; j < i; ++j) std::swap(out.final_state[s + i * D + j], out.final_state[s + j * D + i]);
  });
  add("final-state-is-initial", "the final state is the initial state: updates are lost", "", initial_and_state,
      [](Outputs<double>& out, const Bench& b) { out.final_state = b.problem.in.initial_state; });
  add("final-state-zero", "the final state is not written (zeros)", "", has_state, [](Outputs<double>& out, const Bench&) { out.final_state.fill(0.0); });
  add("final-state-of-first", "every sequence's final state is that of sequence 0", "sequence 0 is right", [](const Bench& b) { return has_state(b) && b.geo.N > 1; },
      [](Outputs<double>& out, const Bench& b) {
        const index_t row = out.final_state.numel() / b.geo.N;
        for (index_t n = 1; n < b.geo.N; ++n) std::copy_n(out.final_state.data(), row, out.final_state.data() + n * row);
      });
  add("empty-sequence-state-lost", "an empty sequence's final state is zero instead of its initial state", "", [](const Bench& b) {
        for (const auto& seq : b.geo.sequences)
          if (seq.length == 0) return initial_and_state(b);
        return false;
      },
      [](Outputs<double>& out, const Bench& b) {
        const index_t row = out.final_state.numel() / b.geo.N;
        for (index_t n = 0; n < b.geo.N; ++n)
          if (b.geo.sequences[static_cast<std::size_t>(n)].length == 0) std::fill_n(out.final_state.data() + n * row, row, 0.0);
      });
  bank.push_back({"final-state-before-tail", Direction::forward, "the final state is saved at the last full chunk edge, before the partial chunk", "T a multiple of the chunk makes the error vanish",
                  true, [](const Bench& b) { return b.delta_rule() && tail(b); }, state_before_tail});
}

}  // namespace fw::verify
