// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/rule.h"

#include "core/error.h"
#include "core/random.h"
#include "naive/delta.h"
#include "naive/gdn.h"
#include "naive/gdn2.h"
#include "naive/gdn2_erase.h"
#include "naive/gdn2_write.h"
#include "naive/gla.h"
#include "naive/kda.h"
#include "naive/linear.h"
#include "naive/mamba2.h"

namespace fw::viz {
namespace {

using Matrix = naive::Matrix<double>;
using Vector = naive::Vector<double>;

Vector vector_of(const Vec& x) { return naive::ConstVectorMap<double>(x.data(), static_cast<Eigen::Index>(x.size())); }

/// Edit the columns of S that are there, from `first` on.
void operate(Matrix& S, const Command& c, std::uint64_t seed, int index, int first) {
  const bool here = c.col >= first && c.col < first + S.cols();
  switch (c.verb) {
    case Verb::set_cell:
      if (here) S(c.row, c.col - first) = c.number;
      break;
    case Verb::zero_row: S.row(c.row).setZero(); break;
    case Verb::zero_col:
      if (here) S.col(c.col - first).setZero();
      break;
    case Verb::scale: S *= c.number; break;
    case Verb::perturb: {
      const Random random(seed, "perturb");
      for (Eigen::Index i = 0; i < S.rows(); ++i)
        for (Eigen::Index j = 0; j < S.cols(); ++j) S(i, j) += c.number * random.normal(Position{0, index, i, j + first});
      break;
    }
    default: break;
  }
}

template <class Rule>
void step(Matrix& S, const naive::Token<double>& x, double scale, naive::StepRecord<double>& out, Vector& o, bool keep) {
  Rule::step(S, x, scale, o, [&out, keep](const auto& e, const auto& z, const auto& r, const auto& delta, const auto& decayed) {
    out.e = e;
    out.z = z;
    out.r = r;
    out.delta = delta;
    if (keep) out.S_decayed = decayed;
  });
}

}  // namespace

void advance(Matrix& S, const Timeline& timeline, int index, const Head& head, const Gates& gates, naive::StepRecord<double>& record,
             Vector& o, bool keep_decayed, int first) {
  const Entry& entry = timeline.entries[static_cast<std::size_t>(index)];
  const Eigen::Index columns = S.cols();
  const auto here = [&](const Vec& x) -> Vector { return naive::ConstVectorMap<double>(x.data() + first, columns); };
  o.resize(columns);
  if (entry.kind == EntryKind::surgery) {
    if (keep_decayed) record.S_decayed = S;
    record.e = Vector::Zero(timeline.dk);
    record.z = record.r = record.delta = o = Vector::Zero(columns);
    operate(S, entry.command, timeline.seed, index, first);
    return;
  }
  naive::Token<double> x;
  x.q = vector_of(entry.q);
  x.k = vector_of(entry.k);
  x.v = here(entry.v);
  const Variant rule = head.morph ? Variant::gdn2 : head.variant;
  if (rule == Variant::gdn2) {
    x.b = vector_of(gates.b);
    x.w = here(gates.w);
    x.g = vector_of(gates.g);
    return step<naive::Gdn2>(S, x, timeline.scale, record, o, keep_decayed);
  }
  x.b = vector_of(entry.b);
  x.w = here(entry.w);
  x.g = info(rule).decay == Decay::scalar ? Vector::Constant(1, scalar_decay(entry, head.collapse.alpha)) : vector_of(entry.g);
  x.beta = tied_beta(entry, head.collapse.beta);
  switch (rule) {
    case Variant::linear: return step<naive::Linear>(S, x, timeline.scale, record, o, keep_decayed);
    case Variant::mamba2: return step<naive::Mamba2>(S, x, timeline.scale, record, o, keep_decayed);
    case Variant::gla: return step<naive::Gla>(S, x, timeline.scale, record, o, keep_decayed);
    case Variant::delta: return step<naive::Delta>(S, x, timeline.scale, record, o, keep_decayed);
    case Variant::gdn: return step<naive::Gdn>(S, x, timeline.scale, record, o, keep_decayed);
    case Variant::kda: return step<naive::Kda>(S, x, timeline.scale, record, o, keep_decayed);
    case Variant::gdn2_write: return step<naive::Gdn2Write>(S, x, timeline.scale, record, o, keep_decayed);
    case Variant::gdn2_erase: return step<naive::Gdn2Erase>(S, x, timeline.scale, record, o, keep_decayed);
    default: throw Error("rule: variant: expected a rule of the delta family, got " + std::string(info(rule).name));
  }
}

bool columns_apart(const Head& head) { return head.morph || head.variant != Variant::gdn2_erase; }

}  // namespace fw::viz
