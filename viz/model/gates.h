// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// From GDN-2's gates to those of a narrower rule: at once (a named variant) or gradually (the collapse sliders). With
//   beta  = mean of b and w (or of one of them, or k^T (b (.) k)),   gbar = mean of g (or the log of the mean alpha)
//   tie    b -> beta 1, w -> beta 1        scalar   g -> gbar 1        one      g -> 0        no_erase   b -> 0, w -> 1
// applied in this order, each as (1-s) x + s target and exactly `target` at s = 1. tie = 1 is KDA, tie = scalar = 1 is Gated
// DeltaNet, tie = one = 1 DeltaNet; no_erase = 1 is the branch GLA, with scalar = 1 Mamba-2's core, with one = 1 linear
// attention. At these corners the general step has the bits of the dedicated rule: the tests hold it to that.
// Collapsing gates is an ablation at inference, not the trained narrower model.
#pragma once

#include "core/variant.h"
#include "viz/model/timeline.h"

namespace fw::viz {

enum class BetaFrom { both, b, w, effective };
enum class AlphaFrom { geometric, arithmetic };

struct Collapse {
  double tie = 0.0, scalar = 0.0, one = 0.0, no_erase = 0.0;  ///< each in [0,1]
  BetaFrom beta = BetaFrom::both;
  AlphaFrom alpha = AlphaFrom::geometric;
  bool operator==(const Collapse&) const = default;
};

/// What a head does with the entries: a named rule of the delta family, or GDN-2 with gates part of the way to one.
struct Head {
  bool morph = false;
  Variant variant = Variant::gdn2;  ///< when not morph
  Collapse collapse;                ///< sliders when morph; where beta and the scalar decay come from always
  bool operator==(const Head&) const = default;
};

/// Effective gates of one token: b alpha [Dk], w [Dv] as the rule uses them, g = log alpha.
struct Gates {
  Vec b, w, g;
};

/// The single step size a tied rule takes from GDN-2's gates.
double tied_beta(const Entry& entry, BetaFrom from);
/// The single log-decay a scalar rule takes; -inf when any channel of the geometric mean is reset.
double scalar_decay(const Entry& entry, AlphaFrom from);

Gates collapsed(const Entry& entry, const Collapse& collapse);
/// The gates of a head's rule in the widest form.
Gates gates_of(const Entry& entry, const Head& head);

/// Slider positions at which the morph equals a named rule. Throws for what is no corner (gdn2-write, gdn2-erase, Mamba-3, attention).
Collapse corner(Variant variant);
/// "GDN-2", "KDA", ...; "GDN-2 morph" on the way between.
std::string short_name(const Head& head);
/// Throws fw::Error unless the head is a delta-rule variant and every slider is in [0,1].
void check_head(const Head& head);

}  // namespace fw::viz
