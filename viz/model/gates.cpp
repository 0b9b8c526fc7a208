// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/gates.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "naive/types.h"

namespace fw::viz {
namespace {

/// Summed as the references do it, so that a mean shown has the bits of the mean used.
double mean(const Vec& x) {
  const naive::Vector<double> same = naive::ConstVectorMap<double>(x.data(), static_cast<Eigen::Index>(x.size()));
  return x.empty() ? 0.0 : same.sum() / static_cast<double>(x.size());
}

/// Equal channels have exactly that mean: a trace of a tied rule gets its own beta and decay back.
double tied(const Vec& x) {
  for (double element : x)
    if (element != x[0]) return mean(x);
  return x.empty() ? 0.0 : x[0];
}

double between(double from, double to, double s) {
  if (s >= 1.0) return to;
  if (s <= 0.0 || from == to) return from;
  return (1.0 - s) * from + s * to;
}
void move_to(Vec& x, double target, double s) {
  for (double& element : x) element = between(element, target, s);
}

}  // namespace

double tied_beta(const Entry& entry, BetaFrom from) {
  switch (from) {
    case BetaFrom::b: return tied(entry.b);
    case BetaFrom::w: return tied(entry.w);
    case BetaFrom::both: return 0.5 * (tied(entry.b) + tied(entry.w));
    case BetaFrom::effective: break;
  }
  double sum = 0.0;
  for (std::size_t i = 0; i < entry.k.size(); ++i) sum += entry.k[i] * entry.b[i] * entry.k[i];
  return sum;
}

double scalar_decay(const Entry& entry, AlphaFrom from) {
  if (from == AlphaFrom::geometric) return tied(entry.g);
  Vec alpha = entry.g;
  for (double& a : alpha) a = std::exp(a);
  return std::min(0.0, std::log(mean(alpha)));
}

Gates collapsed(const Entry& entry, const Collapse& c) {
  Gates out{entry.b, entry.w, entry.g};
  if (entry.kind == EntryKind::surgery) return out;
  const double beta = tied_beta(entry, c.beta);
  move_to(out.b, beta, c.tie);
  move_to(out.w, beta, c.tie);
  move_to(out.g, scalar_decay(entry, c.alpha), c.scalar);
  move_to(out.g, 0.0, c.one);
  move_to(out.b, 0.0, c.no_erase);
  move_to(out.w, 1.0, c.no_erase);
  return out;
}

Gates gates_of(const Entry& entry, const Head& head) {
  if (head.morph) return collapsed(entry, head.collapse);
  switch (head.variant) {
    case Variant::gdn2: return {entry.b, entry.w, entry.g};
    case Variant::gdn2_write: return {Vec(entry.b.size(), mean(entry.b)), entry.w, entry.g};
    case Variant::gdn2_erase: return {entry.b, Vec(entry.w.size(), mean(entry.w)), entry.g};
    default: break;
  }
  Collapse c = corner(head.variant);
  c.beta = head.collapse.beta;
  c.alpha = head.collapse.alpha;
  return collapsed(entry, c);
}

Collapse corner(Variant variant) {
  Collapse c;
  switch (variant) {
    case Variant::gdn2: return c;
    case Variant::kda: c.tie = 1.0; return c;
    case Variant::gdn: c.tie = c.scalar = 1.0; return c;
    case Variant::delta: c.tie = c.scalar = c.one = 1.0; return c;
    case Variant::gla: c.no_erase = 1.0; return c;
    case Variant::mamba2: c.no_erase = c.scalar = 1.0; return c;
    case Variant::linear: c.no_erase = c.scalar = c.one = 1.0; return c;
    default: break;
  }
  throw Error("corner: variant: expected a rule the sliders reach (gdn2 kda gdn delta gla mamba2 linear), got " +
              std::string(info(variant).name));
}

std::string short_name(const Head& head) {
  if (head.morph) {
    for (Variant v : {Variant::gdn2, Variant::kda, Variant::gdn, Variant::delta, Variant::gla, Variant::mamba2, Variant::linear}) {
      Collapse at = corner(v);
      at.beta = head.collapse.beta;
      at.alpha = head.collapse.alpha;
      if (at == head.collapse) return short_name(Head{false, v, {}}) + " (morph)";
    }
    return "morph";
  }
  switch (head.variant) {
    case Variant::linear: return "Linear";
    case Variant::mamba2: return "Mamba-2";
    case Variant::gla: return "GLA";
    case Variant::delta: return "DeltaNet";
    case Variant::gdn: return "GDN";
    case Variant::kda: return "KDA";
    case Variant::gdn2_write: return "GDN-2 write";
    case Variant::gdn2_erase: return "GDN-2 erase";
    case Variant::gdn2: return "GDN-2";
    default: return std::string(info(head.variant).name);
  }
}

void check_head(const Head& head) {
  if (!head.morph && info(head.variant).family != Family::delta_rule)
    throw Error("head: variant: expected a rule of the delta family, got " + std::string(info(head.variant).name));
  for (const auto& [name, s] : {std::pair{"tie", head.collapse.tie},
                                {"scalar", head.collapse.scalar},
                                {"one", head.collapse.one},
                                {"no_erase", head.collapse.no_erase}})
    if (!(s >= 0.0 && s <= 1.0)) throw Error(std::string("head: collapse.") + name + ": expected a number in [0,1], got " + shortest(s));
}

}  // namespace fw::viz
