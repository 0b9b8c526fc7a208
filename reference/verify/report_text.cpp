// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "verify/report.h"

namespace fw::verify {
namespace {

std::string_view label(Verdict v) {
  switch (v) {
    case Verdict::right: return "ok";
    case Verdict::wrong: return "WRONG";
    case Verdict::ill_conditioned: return "ILL-COND";
    case Verdict::vacuous: return "VACUOUS";
  }
  return "";
}

std::string times(double x) {
  if (!std::isfinite(x)) return "inf";
  if (x < 10) return fmt::format("{:.1f}x", x);
  return x < 1e4 ? fmt::format("{:.0f}x", x) : fmt::format("{:.1e}x", x);
}

std::string title(const Mistake& m) { return fmt::format("{} [{}]", m.title, m.id); }

std::string headline(const Judgement& j) {
  switch (j.verdict) {
    case Verdict::right: return "RIGHT";
    case Verdict::wrong: return "WRONG";
    case Verdict::ill_conditioned: return "NO VERDICT (ill-conditioned inputs)";
    case Verdict::vacuous: return "NO VERDICT (vacuous)";
  }
  return "";
}

void table(std::string& out, const Judgement& j) {
  out += fmt::format("  {:<14} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9}  {}\n", "tensor", "rel-L2", "limit", "worst row", "limit", "x ideal", "max abs", "verdict");
  for (const TensorReport& r : j.tensors) {
    out += fmt::format("  {:<14} {:>9.2e} {:>9.1e} {:>9.2e} {:>9.1e} {:>8} {:>9.2e}  {}", r.name, r.error.rel_l2, r.limit.global, r.error.worst_row, r.limit.worst_row,
                       times(r.multiple()), r.error.max_abs, label(r.verdict));
    if (r.error.nonfinite_mismatch > 0) out += fmt::format(", {} non-finite", r.error.nonfinite_mismatch);
    if (r.error.rows_over > 0) out += fmt::format(", {} of {} rows over", r.error.rows_over, r.error.rows);
    if (r.verdict == Verdict::vacuous) out += ": " + r.vacuous_because;
    if (r.verdict == Verdict::ill_conditioned) out += ": an ideal kernel errs as much here";
    out += "\n";
  }
}

/// "[0,136,1,19]"
std::string place_of(index_t flat, const Shape& shape) {
  if (flat < 0) return "-";
  std::string text;
  for (index_t axis = shape.rank() - 1; axis >= 0; --axis) {
    text = std::to_string(flat % shape[axis]) + (text.empty() ? "" : ",") + text;
    flat /= shape[axis];
  }
  return "[" + text + "]";
}

/// The remaining metrics, for whoever asks for them.
void more_metrics(std::string& out, const Judgement& j) {
  out += fmt::format("  {:<14} {:>9} {:>12} {:>9} {:>18} {:>10} {:>11}\n", "tensor", "NMSE", "1 - cosine", "RMS truth", "max abs at", "rows over", "non-finite");
  for (const TensorReport& r : j.tensors)
    out += fmt::format("  {:<14} {:>9.2e} {:>12.2e} {:>9.2e} {:>18} {:>10} {:>11}\n", r.name, r.error.nmse, 1.0 - r.error.cosine, r.error.rms_reference, place_of(r.error.max_abs_index, r.error.reference_shape), r.error.rows_over,
                       r.error.nonfinite_candidate);
}

void vacuity(std::string& out, const Judgement& j) {
  const bool vacuous = std::any_of(j.tensors.begin(), j.tensors.end(), [](const TensorReport& r) { return r.verdict == Verdict::vacuous; });
  if (!vacuous) out += "  vacuity guard: all-zero, mean, a neighbour's rows and the initial state handed through would all be rejected\n";
}

void others(std::string& out, const Judgement& j) {
  std::vector<std::pair<std::string, std::string>> rules;  // rule -> tensors that fail it
  for (const TensorReport& r : j.tensors)
    for (const OtherVerdict& o : r.others) {
      auto at = std::find_if(rules.begin(), rules.end(), [&](const auto& entry) { return entry.first == o.rule; });
      if (at == rules.end()) at = rules.insert(rules.end(), {o.rule, ""});
      if (!o.passes) at->second += (at->second.empty() ? "" : " ") + r.name;
    }
  std::string line;
  for (const auto& [rule, failing] : rules) line += (line.empty() ? "" : "; ") + rule + (failing.empty() ? ": pass" : ": fail (" + failing + ")");
  if (!line.empty()) out += "  other projects' rules: " + line + "\n";
}

void place(std::string& out, const char* what, const Place& p) {
  if (!p.defined) return;
  out += fmt::format("      {}: {}: got {:.6g}, expected {:.6g}\n", what, p.text, p.candidate, p.truth);
}

void where(std::string& out, const TensorReport& r, bool explain) {
  if (!r.where) return;
  const Localisation& l = *r.where;
  out += fmt::format("  where {} is wrong: {} of {} rows, {:.3g}x the noise of an ideal kernel\n", r.name, l.rows_bad, l.rows_total, l.error_over_noise);
  place(out, "first", l.first);
  place(out, "worst", l.worst);
  if (!l.time_profile.empty()) out += "      over time: " + l.time_profile + "\n";
  std::size_t shown = 0;
  for (const Finding& f : l.findings) {
    if (++shown > 4 && !explain) break;
    out += "      " + f.text + "\n";
  }
  if (l.nonfinite.nan + l.nonfinite.infinite > 0) {
    out += fmt::format("      non-finite: {} NaN, {} Inf in {} rows ({} whole); the truth has {}\n", l.nonfinite.nan, l.nonfinite.infinite, l.nonfinite.rows, l.nonfinite.whole_rows,
                       l.nonfinite.in_truth);
    place(out, "first non-finite", l.nonfinite.first);
  }
  for (const Finding& f : r.why_nonfinite) out += "      " + f.text + "\n";
}

std::string suspect(const Suspect& s) {
  std::string text = fmt::format("{}: score {:.2f}, amplitude {:.2f}", title(*s.mistake), s.match.score, s.match.amplitude);
  if (s.match.nonfinite) text = fmt::format("{}: same non-finite places, overlap {:.2f}", title(*s.mistake), s.match.score);
  if (!s.match.where.empty()) text += fmt::format(", only in {} ({:.0f} % of it)", s.match.where, 100 * s.match.extent);
  return text;
}

void cause(std::string& out, const Diagnosis& d, bool forward_wrong_too, bool explain) {
  const std::string which = std::string(d.named && !d.exact ? "likely cause" : "cause") + (d.direction == Direction::forward ? " (outputs)" : " (gradients)");
  if (d.named) {
    out += fmt::format("  {}: {}\n", which, suspect(d.group.front()));
    const Match& m = d.group.front().match;
    if (d.exact && !m.nonfinite) out += fmt::format("      exact fit: {:.1f}x the noise of an ideal kernel is left after it\n", std::sqrt(m.left));
    if (!d.exact && !m.nonfinite) out += fmt::format("      it leaves {:.1f}x the noise unexplained: a variation of it, or a neighbour the bank does not know\n", std::sqrt(m.left));
    if (!d.group.front().mistake->advice.empty()) out += "      to confirm: " + d.group.front().mistake->advice + "\n";
    for (std::size_t i = 1; i < d.group.size(); ++i) out += "      these inputs cannot tell it from: " + suspect(d.group[i]) + "\n";
    if (d.by_amplitude) out += "      (told from a proportional mistake by its amplitude)\n";
    if (!d.others.empty()) out += "      runner-up: " + suspect(d.others.front()) + "\n";
    for (std::size_t i = 1; explain && i < d.others.size(); ++i) out += "      then: " + suspect(d.others[i]) + "\n";
    return;
  }
  if (d.direction == Direction::backward && forward_wrong_too) {
    out += fmt::format("  {}: the outputs are wrong already; mend them first\n", which);
    if (!explain) return;
  }
  out += fmt::format("  {}: no known signature fits\n", which);
  for (const Suspect& s : d.group) out += "      nearest: " + suspect(s) + "\n";
  for (const Suspect& s : d.others) out += "      nearest: " + suspect(s) + "\n";
}

void blind(std::string& out, const Judgement& j, bool explain) {
  if (!j.bank_ran) {
    out += "  bank of mistakes not run: what these inputs could have shown is unknown\n";
    return;
  }
  out += fmt::format("  these inputs and limits would have caught {} of {} known mistakes ({})\n", j.caught, j.applicable, j.bank_scope);
  if (j.blind.empty()) return;
  out += fmt::format("  blind spots of this run ({}):", j.blind.size());
  if (!explain) {
    for (const BlindSpot& b : j.blind) out += " " + b.id;
    out += "\n";
    return;
  }
  out += "\n";
  for (const BlindSpot& b : j.blind) out += fmt::format("      {} ({:.2g} of the limit): {}\n", b.id, b.ratio, b.title);
}

constexpr const char* kColumns =
    "  columns: rel-L2 = |c - r| / |r| over the tensor (FLA's ratio; its square is llama.cpp's NMSE); worst row = largest error of a\n"
    "  token and head over max(its own RMS, a share of the tensor's); limit = max(fixed floor, k x ideal), never over the cap;\n"
    "  x ideal = error over that of an emulated ideal kernel of the same precision on the same inputs\n";

}  // namespace

std::string_view verdict_name(Verdict v) {
  switch (v) {
    case Verdict::right: return "right";
    case Verdict::wrong: return "wrong";
    case Verdict::ill_conditioned: return "ill-conditioned";
    case Verdict::vacuous: return "vacuous";
  }
  return "";
}

std::string contract(const Options& o, const Geometry& geo) {
  std::string text = std::string(info(o.variant).equation);
  if (info(o.variant).family == Family::delta_rule) text += fmt::format("; o = {:.6g} S^T q, decay before erase before write, natural log, state [Dk,Dv]", geo.scale);
  else text += fmt::format("; scale {:.6g}", geo.scale);
  if (o.l2norm_qk) text += fmt::format("; q, k L2-normalised inside, eps {:g}", o.l2norm_eps);
  if (o.decay_activation == DecayActivation::softplus) text += "; g = -exp(A_log) softplus(raw + dt_bias)";
  if (o.decay_activation == DecayActivation::bounded) text += fmt::format("; g = {:g} sigmoid(exp(A_log) (raw + dt_bias))", o.decay_lower_bound);
  if (o.sigmoid_gates) text += o.erase_times_two ? "; gates sigmoid(raw), erase x 2" : "; gates sigmoid(raw)";
  if (geo.group > 1) text += fmt::format("; value head j uses key head j / {}", geo.group);
  return text;
}

std::string text_report(const Judgement& j, const ReportOptions& options) {
  std::string out = fmt::format("{}  {}", headline(j), options.file);
  if (!options.kernel.empty()) out += fmt::format("  ({})", options.kernel);
  out += fmt::format("\n  {} as a {} kernel, against the float64 recurrence on the same inputs\n", info(j.options.variant).title, precision_name(j.precision));
  out += "  rule: " + contract(j.options, j.geo) + "\n";
  out += fmt::format("  B {}  T {}  H {}  HV {}  Dk {}  Dv {}  sequences {}\n", j.geo.B, j.geo.T, j.geo.H, j.geo.HV, j.geo.Dk, j.geo.Dv, j.geo.N);
  if (j.seen_as_tf32)
    out += "  note: float32 tensors, judged as a kernel whose products run in tf32; it is not an IEEE float32 kernel (--precision fp32 demands one)\n";
  table(out, j);
  if (options.explain) {
    out += kColumns;
    more_metrics(out, j);
  }
  if (!j.missing.empty()) {
    out += "  not in the file, not judged:";
    for (const auto& name : j.missing) out += " " + name;
    out += "\n";
  }
  others(out, j);
  bool forward_wrong = false;
  for (const TensorReport& r : j.tensors) {
    where(out, r, options.explain);
    forward_wrong = forward_wrong || (r.verdict == Verdict::wrong && r.direction == Direction::forward);
  }
  if (j.forward) cause(out, *j.forward, false, options.explain);
  if (j.backward) cause(out, *j.backward, forward_wrong, options.explain);
  vacuity(out, j);
  blind(out, j, options.explain);
  if (j.inverse_growth > 20.0)
    out += fmt::format("  conditioning: rows of (I + A_ek)^-1 grow to {:.3g}: correlated keys amplify rounding here\n", j.inverse_growth);
  if (options.explain)
    out += fmt::format("  time: truth {:.2f} s, yardstick {:.2f} s, bank {:.2f} s, diagnosis {:.2f} s\n", j.seconds_truth, j.seconds_yardstick, j.seconds_bank, j.seconds_diagnosis);
  return out;
}

}  // namespace fw::verify
