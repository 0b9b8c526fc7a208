// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mistakes in how gradients are put together from right pieces: missing terms, gates on the wrong operand, partial sums.
#include <algorithm>
#include <cmath>
#include <limits>

#include "verify/mistake.h"

namespace fw::verify {
namespace {

bool delta(const Bench& b) { return b.gradients && b.delta_rule(); }
bool erases(const Bench& b) { return delta(b) && b.rule().erase != Erase::none; }
bool channel_erase(const Bench& b) { return delta(b) && b.rule().erase == Erase::channel; }
bool writes_gated(const Bench& b) { return delta(b) && b.rule().write != Write::one; }
bool channel_write(const Bench& b) { return delta(b) && b.rule().write == Write::channel; }
bool tied(const Bench& b) { return delta(b) && b.rule().erase == Erase::scalar && b.rule().write == Write::scalar; }
bool decays(const Bench& b) { return delta(b) && b.rule().decay != Decay::none; }
bool channel_decay(const Bench& b) { return delta(b) && b.rule().decay == Decay::channel; }
bool tiled(const Bench& b) { return delta(b) && value_tile(b.geo.Dv) < b.geo.Dv; }
bool grouped(const Bench& b) { return delta(b) && b.geo.group > 1; }
bool tail(const Bench& b) {
  if (!decays(b)) return false;
  for (const auto& seq : b.geo.sequences)
    if (seq.length % b.chunk != 0) return true;
  return false;
}

/// dg from what each token adds locally: sums from the end of each chunk to its start.
void sum_from_chunk_end(Mat& local, index_t chunk) {
  for (index_t t = local.rows() - 2; t >= 0; --t)
    if ((t + 1) % chunk != 0) local.row(t) += local.row(t + 1);
}

void sum_from_chunk_start(Mat& local, index_t chunk) {
  for (index_t t = 1; t < local.rows(); ++t)
    if (t % chunk != 0) local.row(t) += local.row(t - 1);
}

/// What each token adds to dg, the chunk-end term left out: dg_t - dg_{t+1} inside a chunk.
Mat local_decay_gradient(const ReverseParts& p, index_t chunk) {
  Mat local = p.dG - p.dG_chunk_end;
  for (index_t t = 0; t + 1 < local.rows(); ++t)
    if ((t + 1) % chunk != 0) local.row(t) -= p.dG.row(t + 1) - p.dG_chunk_end.row(t + 1);
  return local;
}

}  // namespace

void add_gradient_mistakes(std::vector<Mistake>& bank) {
  const auto add = [&](const char* id, const char* title, const char* advice, bool (*applies)(const Bench&), EditGradient edit, bool chunked = false) {
    bank.push_back({id, Direction::backward, title, advice, chunked, applies, gradients_of_parts(std::move(edit))});
  };
  using D = HeadGradient;
  using P = ReverseParts;
  // dq
  add("dq-unscaled", "dq lacks the scale", "scale = 1 makes the error vanish", delta, [](D& d, const P&, const Head& h, const Bench&) { d.dQ /= h.scale; });
  add("dq-scaled-twice", "dq carries the scale twice", "scale = 1 makes the error vanish", delta, [](D& d, const P&, const Head& h, const Bench&) { d.dQ *= h.scale; });
  add("dq-inter-missing", "dq lacks the part from the state carried into the chunk", "S0 = 0 and one chunk makes the error vanish",
      [](const Bench& b) { return delta(b) && (b.longest() > b.chunk || b.problem.in.initial_state.defined()); },
      [](D& d, const P& p, const Head&, const Bench&) { d.dQ -= p.dQ_inter; }, true);
  add("dq-intra-missing", "dq has only the part from the state carried into the chunk", "", delta, [](D& d, const P& p, const Head&, const Bench&) { d.dQ = p.dQ_inter; }, true);
  // dk
  add("dk-without-erase", "dk lacks the term through the erase direction", "b = 0 makes the error vanish", erases,
      [](D& d, const P& p, const Head&, const Bench&) { d.dK = p.dKW; });
  add("dk-without-write", "dk lacks the term through the write", "", erases, [](D& d, const P& p, const Head& h, const Bench&) { d.dK = p.dE.cwiseProduct(h.B); });
  add("dk-erase-ungated", "the erase term of dk lacks the erase gate", "b = 1 makes the error vanish", erases,
      [](D& d, const P& p, const Head&, const Bench&) { d.dK = p.dKW + p.dE; });
  add("dk-erase-gate-averaged", "the erase gate is multiplied into dk as one scalar after the sum, not per channel", "b equal over channels makes the error vanish", channel_erase,
      [](D& d, const P& p, const Head& h, const Bench&) { d.dK = p.dKW + h.B.rowwise().mean().asDiagonal() * p.dE; });
  // dv, dw
  add("dv-ungated", "dv lacks the write gate", "w = 1 makes the error vanish", writes_gated, [](D& d, const P& p, const Head&, const Bench&) { d.dV = p.dZ; });
  add("dv-gate-averaged", "the write gate is multiplied into dv as one scalar after the sum, not per channel", "w equal over channels makes the error vanish", channel_write,
      [](D& d, const P& p, const Head& h, const Bench&) { d.dV = h.W.rowwise().mean().asDiagonal() * p.dZ; });
  add("dw-from-edit", "dw is built from the edit z - r instead of v", "", writes_gated, [](D& d, const P& p, const Head&, const Bench&) { d.dW = p.dZ.cwiseProduct(p.Delta); });
  add("dw-from-gated-value", "dw is built from w (.) v instead of v", "w = 1 makes the error vanish", writes_gated,
      [](D& d, const P& p, const Head& h, const Bench&) { d.dW = p.dZ.cwiseProduct(h.Z); });
  add("dw-averaged", "dw averaged over the value channels", "", channel_write, [](D& d, const P&, const Head&, const Bench&) {
    const Vec mean = d.dW.rowwise().mean();
    d.dW.colwise() = mean;
  });
  // db
  add("db-averaged", "db averaged over the key channels", "", channel_erase, [](D& d, const P&, const Head&, const Bench&) {
    const Vec mean = d.dB.rowwise().mean();
    d.dB.colwise() = mean;
  });
  add("db-from-gated-key", "db is built from b (.) k instead of k", "b = 1 makes the error vanish", erases,
      [](D& d, const P& p, const Head& h, const Bench&) { d.dB = p.dE.cwiseProduct(h.E); });
  add("db-sign", "db has the wrong sign", "", channel_erase, [](D& d, const P&, const Head&, const Bench&) { d.dB *= -1.0; });
  add("db-inter-only", "the erase-gate gradient lacks the term inside the chunk (through the triangular inverse)", "one token per chunk hides it", erases,
      [](D& d, const P& p, const Head& h, const Bench&) { d.dB = p.dE_inter.cwiseProduct(h.K); }, true);
  add("db-intra-only", "the erase-gate gradient lacks the term from the state carried into the chunk", "S0 = 0 and one chunk makes the error vanish",
      [](const Bench& b) { return erases(b) && (b.longest() > b.chunk || b.problem.in.initial_state.defined()); },
      [](D& d, const P& p, const Head& h, const Bench&) { d.dB = (p.dE - p.dE_inter).cwiseProduct(h.K); }, true);
  add("dbeta-erase-only", "dbeta lacks the write term", "", tied, [](D& d, const P&, const Head&, const Bench&) { d.dW.setZero(); });
  add("dbeta-write-only", "dbeta lacks the erase term", "", tied, [](D& d, const P&, const Head&, const Bench&) { d.dB.setZero(); });
  // dg
  add("dg-chunk-end-missing", "dg lacks the term of the decay to the chunk end (the carried state's part)", "weak decay shows it, strong decay hides it", decays,
      [](D& d, const P& p, const Head&, const Bench&) { d.dG -= p.dG_chunk_end; }, true);
  add("dg-tail-end-missing", "dg lacks the chunk-end term in the last, partial chunk (added at a row past the end)", "T a multiple of the chunk makes the error vanish", tail,
      [](D& d, const P& p, const Head& h, const Bench& b) {
        const index_t first = h.T / b.chunk * b.chunk;
        d.dG.bottomRows(h.T - first) -= p.dG_chunk_end.bottomRows(h.T - first);
      },
      true);
  add("dg-chunk-end-summed", "the chunk-end term of dg is summed over all key channels and put on each", "", channel_decay,
      [](D& d, const P& p, const Head&, const Bench&) {
        const Vec sums = p.dG_chunk_end.rowwise().sum();
        d.dG -= p.dG_chunk_end;
        d.dG.colwise() += sums;
      },
      true);
  add("dg-not-accumulated", "the reverse cumulative sum of dg over the chunk is missing", "", decays,
      [](D& d, const P& p, const Head&, const Bench& b) { d.dG = local_decay_gradient(p, b.chunk) + p.dG_chunk_end; }, true);
  add("dg-summed-forward", "dg is summed from the start of the chunk instead of its end", "", decays,
      [](D& d, const P& p, const Head&, const Bench& b) {
        Mat sum = local_decay_gradient(p, b.chunk);
        sum_from_chunk_start(sum, b.chunk);
        d.dG = sum + p.dG_chunk_end;
      },
      true);
  add("dg-bf16-difference", "dg is the difference of a row sum and a column sum, both rounded to bfloat16", "noise that strong decay makes large", decays,
      [](D& d, const P& p, const Head& h, const Bench& b) {
        const Mat plus = h.Q.cwiseProduct(p.dQ) + h.E.cwiseProduct(p.dE), minus = h.K.cwiseProduct(p.dKW);
        const auto rounding = [](const Mat& m) -> Mat { return m.unaryExpr([](double x) { return round_to(DType::bf16, x) - x; }); };
        Mat noise = rounding(plus) - rounding(minus);
        sum_from_chunk_end(noise, b.chunk);
        d.dG += noise;
      },
      true);
  add("dg-total-minus-prefix", "dg's reverse sum is taken as total minus prefix in float32", "cancels for long sums", decays, [](D& d, const P& p, const Head&, const Bench& b) {
    const Mat local = local_decay_gradient(p, b.chunk);
    for (index_t i = 0; i < local.cols(); ++i) {
      float total = 0, prefix = 0;
      for (index_t t = 0; t < local.rows(); ++t) total += static_cast<float>(local(t, i));
      double exact = local.col(i).sum();
      for (index_t t = 0; t < local.rows(); ++t) {
        d.dG(t, i) += static_cast<double>(total - prefix) - exact;
        prefix += static_cast<float>(local(t, i));
        exact -= local(t, i);
      }
    }
  });
  add("dg-late", "dg of token t holds the gradient of token t-1", "", decays, [](D& d, const P&, const Head& h, const Bench&) {
    if (h.T > 1) d.dG.bottomRows(h.T - 1) = d.dG.topRows(h.T - 1).eval();
    if (h.T > 0) d.dG.row(0).setZero();
  });
  add("dg-early", "dg of token t holds the gradient of token t+1", "", decays, [](D& d, const P&, const Head& h, const Bench&) {
    if (h.T > 1) d.dG.topRows(h.T - 1) = d.dG.bottomRows(h.T - 1).eval();
    if (h.T > 0) d.dG.row(h.T - 1).setZero();
  });
  add("dg-through-alpha", "dg is the gradient of alpha = exp(g): the factor alpha is missing", "g = 0 makes the error vanish", decays,
      [](D& d, const P&, const Head& h, const Bench&) {
        d.dG = (h.G.array() < -700.0).select(Mat::Zero(h.T, h.Dk), d.dG.cwiseProduct((-h.G).cwiseMin(700.0).array().exp().matrix()));
      });
  add("dg-exp2", "dg is the gradient of a base-2 decay: a factor ln 2 is left in", "", decays, [](D& d, const P&, const Head&, const Bench&) { d.dG *= 0.6931471805599453; });
  add("dg-nan-strong-decay", "gradients of chunks whose decay passes 88 are NaN: 0 times Inf under a mask", "halve g: the NaN must vanish", decays,
      [](D& d, const P&, const Head& h, const Bench& b) {
        for (index_t first = 0; first < h.T; first += b.chunk) {
          const index_t rows = std::min(b.chunk, h.T - first);
          const Vec span = h.G.middleRows(first, rows).colwise().sum();
          for (index_t i = 0; i < h.Dk; ++i)
            if (span[i] < -88.0) {
              d.dG.col(i).segment(first, rows).setConstant(std::numeric_limits<double>::quiet_NaN());
              d.dK.col(i).segment(first, rows).setConstant(std::numeric_limits<double>::quiet_NaN());
            }
        }
      },
      true);
  add("gate-gradient-tail-unwritten", "dg and the gate gradients of the last, partial chunk are not written (zeros)", "T a multiple of the chunk makes the error vanish",
      [](const Bench& b) { return tail(b); },
      [](D& d, const P&, const Head& h, const Bench& b) {
        const index_t rows = h.T - h.T / b.chunk * b.chunk;
        d.dG.bottomRows(rows).setZero();
        d.dB.bottomRows(rows).setZero();
      },
      true);
  // partial sums
  add("dg-last-value-tile", "dg is the partial sum of the last tile of value channels", "Dv within one tile hides it", [](const Bench& b) { return tiled(b) && decays(b); },
      [](D& d, const P& p, const Head&, const Bench&) { d.dG = p.dG_tile; });
  add("dg-last-key-tile", "dg of a scalar decay is the partial sum of the last tile of key channels", "Dk within one tile hides it",
      [](const Bench& b) { return delta(b) && b.rule().decay == Decay::scalar && value_tile(b.geo.Dk) < b.geo.Dk; },
      [](D& d, const P&, const Head& h, const Bench&) { d.dG.leftCols(h.Dk - value_tile(h.Dk)).setZero(); });
  add("db-last-value-tile", "the erase-gate gradient is the partial sum of the last tile of value channels", "Dv within one tile hides it",
      [](const Bench& b) { return tiled(b) && b.rule().erase != Erase::none; }, [](D& d, const P& p, const Head& h, const Bench&) { d.dB = p.dE_tile.cwiseProduct(h.K); });
  add("dq-last-value-tile", "dq is the partial sum of the last tile of value channels", "Dv within one tile hides it", tiled,
      [](D& d, const P& p, const Head&, const Bench&) { d.dQ = p.dQ_tile; });
  add("dk-last-value-tile", "dk is the partial sum of the last tile of value channels", "Dv within one tile hides it", tiled,
      [](D& d, const P& p, const Head& h, const Bench&) { d.dK = p.dKW_tile + p.dE_tile.cwiseProduct(h.B); });
  add("dk-db-last-value-tile", "dk and the erase-gate gradient are partial sums, dv is right", "seen as a compiler fault of one warp count",
      [](const Bench& b) { return tiled(b) && b.rule().erase != Erase::none; }, [](D& d, const P& p, const Head& h, const Bench&) {
        d.dK = p.dKW_tile + p.dE_tile.cwiseProduct(h.B);
        d.dB = p.dE_tile.cwiseProduct(h.K);
      });
  // groups
  const auto last_of_group = [](const Head& h, const Bench& b) { return h.hv % b.geo.group == b.geo.group - 1; };
  add("group-not-summed", "dq and dk of a key head come from one of its value heads instead of their sum", "HV = H makes the error vanish", grouped,
      [last_of_group](D& d, const P&, const Head& h, const Bench& b) {
        if (last_of_group(h, b)) return;
        d.dQ.setZero();
        d.dK.setZero();
      });
  add("group-gates-not-summed", "gate gradients of a key head come from one of its value heads instead of their sum", "HV = H makes the error vanish",
      [](const Bench& b) { return grouped(b) && (b.geo.g_heads == b.geo.H || (b.problem.in.b.defined() && b.geo.b_heads == b.geo.H)); },
      [last_of_group](D& d, const P&, const Head& h, const Bench& b) {
        if (last_of_group(h, b)) return;
        if (b.geo.g_heads == b.geo.H) d.dG.setZero();
        if (b.problem.in.b.defined() && b.geo.b_heads == b.geo.H) d.dB.setZero();
      });
  bank.push_back({"db-dw-exchanged", Direction::backward, "db and dw exchanged", "", false,
                  [](const Bench& b) { return channel_erase(b) && channel_write(b) && b.truth.grad.db.shape() == b.truth.grad.dw.shape(); },
                  gradients_of_truth([](Gradients<double>& g, const Bench&) { std::swap(g.db, g.dw); })});
}

}  // namespace fw::verify
