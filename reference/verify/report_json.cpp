// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <cmath>
#include <nlohmann/json.hpp>

#include "verify/report.h"

namespace fw::verify {
namespace {

using nlohmann::ordered_json;

/// JSON has no Inf and NaN: those become strings.
ordered_json number(double x) {
  if (std::isfinite(x)) return x;
  return std::isnan(x) ? "nan" : x > 0 ? "inf" : "-inf";
}

const char* direction_name(Direction d) { return d == Direction::forward ? "forward" : "backward"; }

ordered_json place(const Place& p) {
  if (!p.defined) return nullptr;
  return {{"text", p.text}, {"index", p.index}, {"sequence", p.sequence}, {"token", p.token}, {"head", p.head}, {"channel", p.channel},
          {"candidate", number(p.candidate)}, {"truth", number(p.truth)}};
}

ordered_json findings(const std::vector<Finding>& list) {
  ordered_json out = ordered_json::array();
  for (const Finding& f : list) out.push_back({{"kind", f.kind}, {"text", f.text}, {"share", number(f.share)}, {"lift", number(f.lift)}});
  return out;
}

ordered_json suspect(const Suspect& s) {
  return {{"id", s.mistake->id}, {"title", s.mistake->title}, {"advice", s.mistake->advice}, {"score", number(s.match.score)}, {"amplitude", number(s.match.amplitude)},
          {"extent", number(s.match.extent)}, {"left_over_noise", number(s.match.left)}, {"where", s.match.where}, {"by_nonfinite_places", s.match.nonfinite}};
}

ordered_json diagnosis(const std::optional<Diagnosis>& d) {
  if (!d) return nullptr;
  ordered_json out = {{"named", d->named}, {"exact_fit", d->exact}, {"told_by_amplitude", d->by_amplitude}, {"causes", ordered_json::array()}, {"runners_up", ordered_json::array()}};
  for (const Suspect& s : d->group) out["causes"].push_back(suspect(s));
  for (const Suspect& s : d->others) out["runners_up"].push_back(suspect(s));
  return out;
}

ordered_json tensor(const TensorReport& r) {
  ordered_json out = {{"name", r.name},
                      {"direction", direction_name(r.direction)},
                      {"verdict", verdict_name(r.verdict)},
                      {"rel_l2", number(r.error.rel_l2)},
                      {"nmse", number(r.error.nmse)},
                      {"worst_row", number(r.error.worst_row)},
                      {"max_abs", number(r.error.max_abs)},
                      {"max_abs_index", r.error.max_abs_index},
                      {"cosine", number(r.error.cosine)},
                      {"rows", r.error.rows},
                      {"rows_over", r.error.rows_over},
                      {"nonfinite_candidate", r.error.nonfinite_candidate},
                      {"nonfinite_truth", r.error.nonfinite_reference},
                      {"limit", {{"rel_l2", number(r.limit.global)}, {"worst_row", number(r.limit.worst_row)}}},
                      {"ideal", {{"rel_l2", number(r.noise.rel_l2)}, {"worst_row", number(r.noise.worst_row)}}},
                      {"times_ideal", number(r.multiple())}};
  if (!r.vacuous_because.empty()) out["vacuous_because"] = r.vacuous_because;
  for (const OtherVerdict& o : r.others) out["other_rules"].push_back({{"rule", o.rule}, {"passes", o.passes}, {"value", number(o.value)}});
  if (r.where) {
    const Localisation& l = *r.where;
    out["where"] = {{"first", place(l.first)}, {"worst", place(l.worst)}, {"rows_bad", l.rows_bad}, {"rows_total", l.rows_total}, {"bad_heads", l.bad_heads},
                    {"bad_channels", l.bad_channels}, {"bad_sequences", l.bad_sequences}, {"bad_batches", l.bad_batches}, {"time_profile", l.time_profile},
                    {"findings", findings(l.findings)},
                    {"nonfinite", {{"nan", l.nonfinite.nan}, {"inf", l.nonfinite.infinite}, {"rows", l.nonfinite.rows}, {"first", place(l.nonfinite.first)}}}};
  }
  if (!r.why_nonfinite.empty()) out["why_nonfinite"] = findings(r.why_nonfinite);
  return out;
}

}  // namespace

std::string json_report(const Judgement& j, const ReportOptions& options) {
  ordered_json out = {{"file", options.file},
                      {"kernel", options.kernel},
                      {"verdict", verdict_name(j.verdict)},
                      {"variant", info(j.options.variant).name},
                      {"precision", precision_name(j.precision)},
                      {"judged_as_tf32", j.seen_as_tf32},
                      {"rule", contract(j.options, j.geo)},
                      {"shape", {{"B", j.geo.B}, {"T", j.geo.T}, {"H", j.geo.H}, {"HV", j.geo.HV}, {"Dk", j.geo.Dk}, {"Dv", j.geo.Dv}, {"N", j.geo.N}}},
                      {"tensors", ordered_json::array()},
                      {"missing", j.missing},
                      {"cause_forward", diagnosis(j.forward)},
                      {"cause_backward", diagnosis(j.backward)}};
  for (const TensorReport& r : j.tensors) out["tensors"].push_back(tensor(r));
  if (j.bank_ran) {
    out["bank"] = {{"scope", j.bank_scope}, {"applicable", j.applicable}, {"caught", j.caught}, {"blind_spots", ordered_json::array()}};
    for (const BlindSpot& b : j.blind)
      out["bank"]["blind_spots"].push_back({{"id", b.id}, {"title", b.title}, {"direction", direction_name(b.direction)}, {"error_over_limit", number(b.ratio)}});
  }
  out["inverse_growth"] = number(j.inverse_growth);
  out["seconds"] = {{"truth", j.seconds_truth}, {"yardstick", j.seconds_yardstick}, {"bank", j.seconds_bank}, {"diagnosis", j.seconds_diagnosis}};
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string json_unusable(const std::string& file, const std::string& error) {
  return ordered_json{{"file", file}, {"verdict", "unusable"}, {"error", error}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace fw::verify
