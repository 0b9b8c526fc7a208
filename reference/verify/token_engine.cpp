// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/token_engine.h"

#include <algorithm>
#include <cmath>

namespace fw::verify {
namespace {

void round_bf16(Mat& S) {
  for (index_t i = 0; i < S.size(); ++i) S.data()[i] = round_to(DType::bf16, S.data()[i]);
}

/// One correct step in place, in two passes over S; `delta` receives the edit.
void advance(const Head& head, index_t t, Mat& S, Vec& delta) {
  delta = head.Z.row(t);
  for (index_t i = 0; i < head.Dk; ++i) {
    S.row(i) *= std::exp(head.G(t, i));
    delta.transpose() -= head.E(t, i) * S.row(i);
  }
  for (index_t i = 0; i < head.Dk; ++i) S.row(i) += head.KW(t, i) * delta.transpose();
}

}  // namespace

HeadOutput run_tokens(const Head& head, const TokenFaults& faults) {
  HeadOutput out{Mat::Zero(head.T, head.Dv), head.S0};
  Mat& S = out.ST;
  Vec alpha(head.Dk), r(head.Dv), delta(head.Dv);
  for (index_t t = 0; t < head.T; ++t) {
    alpha = head.G.row(t).array().exp().transpose();
    if (faults.erase_before_decay || faults.decay_after_edit) {
      r = S.transpose() * head.E.row(t).transpose();
      const Vec z = head.Z.row(t);
      if (faults.erase_before_decay) {
        S -= head.KW.row(t).transpose() * r.transpose();
        S = alpha.asDiagonal() * S;
        S += head.KW.row(t).transpose() * z.transpose();
      } else {
        S += head.KW.row(t).transpose() * (z - r).transpose();
        S = alpha.asDiagonal() * S;
      }
    } else {
      S = alpha.asDiagonal() * S;
      r = S.transpose() * head.E.row(t).transpose();
      if (faults.gate_whole_edit) r = r.cwiseProduct(head.W.row(t).transpose());
      delta = head.Z.row(t).transpose() - r;
      if (faults.read_before_edit) out.O.row(t) = head.scale * (head.Q.row(t) * S);
      if (faults.edit_lost) {
        out.O.row(t) = head.scale * (head.Q.row(t) * S + head.Q.row(t).dot(head.KW.row(t)) * delta.transpose());
        continue;
      }
      S += head.KW.row(t).transpose() * delta.transpose();
    }
    if (faults.round_state_every > 0 && (t + 1) % faults.round_state_every == 0) round_bf16(S);
    if (!faults.read_before_edit) out.O.row(t) = head.scale * (head.Q.row(t) * S);
  }
  return out;
}

index_t value_tile(index_t Dv) {
  for (index_t tile : {64, 32, 16, 8, 4})
    if (tile < Dv) return tile;
  return Dv;
}

ReverseParts run_reverse(const Head& head, index_t chunk, const ReverseFaults& faults, bool with_parts) {
  const index_t T = head.T, Dk = head.Dk, Dv = head.Dv, chunks = (T + chunk - 1) / chunk;
  const index_t tile = value_tile(Dv);
  ReverseParts p;
  for (Mat* m : {&p.dQ, &p.dKW, &p.dE, &p.dG}) m->setZero(T, Dk);
  for (Mat* m : {&p.dZ, &p.Delta}) m->setZero(T, Dv);
  if (with_parts)
    for (Mat* m : {&p.dQ_inter, &p.dE_inter, &p.dG_chunk_end, &p.dQ_tile, &p.dKW_tile, &p.dE_tile, &p.dG_tile}) m->setZero(T, Dk);

  std::vector<Mat> starts;
  Mat S = head.S0;
  Vec delta(Dv);
  for (index_t t = 0; t < T; ++t) {
    if (t % chunk == 0) starts.push_back(S);
    advance(head, t, S, delta);
  }
  Mat dS = head.dST;
  std::vector<Mat> decayed(static_cast<std::size_t>(std::min(chunk, std::max<index_t>(T, 1))));
  for (index_t c = chunks - 1; c >= 0; --c) {
    const index_t first = c * chunk, last = std::min(first + chunk, T);
    const Mat& start = starts[static_cast<std::size_t>(c)];
    S = start;
    for (index_t t = first; t < last; ++t) {
      Mat& D = decayed[static_cast<std::size_t>(t - first)];
      D = S;
      for (index_t i = 0; i < Dk; ++i) D.row(i) *= std::exp(head.G(t, i));
      delta = head.Z.row(t).transpose() - D.transpose() * head.E.row(t).transpose();
      p.Delta.row(t) = delta;
      S = D;
      S += head.KW.row(t).transpose() * delta.transpose();
    }
    if (faults.cut_every > 0 && last != T && last % faults.cut_every == 0) dS.setZero();
    if (faults.round_every > 0 && last != T) round_bf16(dS);
    if (with_parts) {
      const Vec end = dS.cwiseProduct(S).rowwise().sum();
      for (index_t t = first; t < last; ++t) p.dG_chunk_end.row(t) = end;
    }
    Vec G = head.G.middleRows(first, last - first).colwise().sum();  // cumulative decay up to the token at hand
    for (index_t t = last - 1; t >= first; --t) {
      const Mat& D = decayed[static_cast<std::size_t>(t - first)];
      const auto k = head.KW.row(t), q = head.Q.row(t);
      const Vec d_o = head.dO.row(t);
      const Vec edit = p.Delta.row(t);
      p.dQ.row(t) = head.scale * (D * d_o + k.transpose() * edit.dot(d_o));  // S = S_decayed + k delta^T
      const Mat output_part = (faults.output_unscaled ? 1.0 : head.scale) * (q.transpose() * d_o.transpose());
      if (!faults.output_next_only) dS += output_part;
      p.dKW.row(t) = dS * edit;
      const Vec dz = dS.transpose() * k.transpose();
      p.dZ.row(t) = dz;
      p.dE.row(t) = -(D * dz);
      if (faults.output_next_only) dS += output_part;
      const auto e = head.E.row(t);
      if (with_parts) {
        const Vec carried = G.array().exp();
        p.dQ_inter.row(t) = head.scale * (start * d_o).cwiseProduct(carried);
        p.dE_inter.row(t) = -(start * dz).cwiseProduct(carried);
        p.dQ_tile.row(t) = head.scale * (D.rightCols(tile) * d_o.tail(tile) + k.transpose() * edit.tail(tile).dot(d_o.tail(tile)));
        p.dKW_tile.row(t) = dS.rightCols(tile) * edit.tail(tile);
        p.dE_tile.row(t) = -(D.rightCols(tile) * dz.tail(tile));
        const Mat tile_dS = dS.rightCols(tile) - e.transpose() * dz.tail(tile).transpose();
        p.dG_tile.row(t) = tile_dS.cwiseProduct(D.rightCols(tile)).rowwise().sum();
        G = (head.G.middleRows(first, t - first).colwise().sum()).transpose();
      }
      if (!faults.no_erase) dS -= e.transpose() * dz.transpose();
      p.dG.row(t) = dS.cwiseProduct(D).rowwise().sum();
      if (!faults.no_decay)
        for (index_t i = 0; i < Dk; ++i) dS.row(i) *= std::exp(head.G(t, i));
    }
  }
  p.dS0 = dS;
  return p;
}

HeadGradient chain(const Head& head, const ReverseParts& p) {
  return {p.dQ,
          p.dKW + p.dE.cwiseProduct(head.B),
          p.dG,
          p.dE.cwiseProduct(head.K),
          p.dZ.cwiseProduct(head.W),
          p.dZ.cwiseProduct(head.V),
          p.dS0};
}

}  // namespace fw::verify
