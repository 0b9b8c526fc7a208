// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/diagnose.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.h"
#include "verify/precision.h"

namespace fw::verify {
namespace {

constexpr double kNamed = 0.8;        // a cause is named from this score on
constexpr double kLead = 0.2;         // and with this lead over the next cause that is not collinear with it
constexpr double kCollinear = 0.95;   // cos^2 of two signatures from which they count as one answer
constexpr double kOwnAmplitude = 0.2; // a mistake itself has amplitude 1 up to noise
constexpr double kNoiseLeft = 3.0;    // exact: no more than this many times the noise energy is left (amplitude 1.7 of the noise)
constexpr double kAlike = 0.3;        // exact fits whose leftovers differ by less than this share of the noise are not told apart
constexpr double kExactOverlap = 0.98;// the same for patterns of non-finite values
constexpr double kSeen = 0.1;         // an exact fit explains at least this share of the excess
constexpr index_t kSmall = 1 << 18;   // up to so many places every suspect is also tried confined to some heads and channels,
constexpr std::size_t kExamined = 24; // beyond only the best so many

/// Ratio of the error to the limit, over the tensors of the mistake's direction that the kernel returned.
void measure(const Results& wrong, const Bench& bench, const Results& judged, const Limits& limits, Effect& effect) {
  for_each_result(bench.truth, [&](const char* name, const Tensor<double>& truth, Direction d) {
    if (d != effect.mistake->direction || !truth.defined()) return;
    const Tensor<double>*candidate = find(judged, name), *spoiled = find(wrong, name);
    if (!candidate || !candidate->defined() || !spoiled || !spoiled->defined()) return;
    const auto limit = limits.find(std::string_view(name));
    if (limit == limits.end()) return;
    const Tolerance& tolerance = limit->second.tolerance;
    const Comparison c = compare(*spoiled, truth, tolerance, row_width_of(bench.rule().id, name));
    double ratio = std::max(c.rel_l2 / tolerance.global, c.worst_row / tolerance.worst_row);
    if (!c.shapes_match || c.nonfinite_mismatch > 0 || std::isnan(ratio)) ratio = std::numeric_limits<double>::infinity();
    effect.visible = effect.visible || ratio >= limit->second.margin;
    if (ratio > effect.ratio) {
      effect.ratio = ratio;
      effect.tensor = name;
    }
  });
}

/// Order of suspicion: the score, a little less where the amplitude is not the mistake's own.
double rank(const Suspect& s) { return s.match.score - (std::fabs(s.match.amplitude - 1.0) > kOwnAmplitude ? 0.02 : 0.0) - (s.match.where.empty() ? 0.0 : 0.01); }

}  // namespace

Limit limit_with_margin(const Tolerance& tolerance, const Comparison& noise, index_t elements) {
  const double size = std::max(noise.rel_l2 / tolerance.global, noise.worst_row / tolerance.worst_row);
  return {tolerance, 1.1 + 2.0 * size / std::sqrt(static_cast<double>(std::max<index_t>(elements, 1)))};
}

index_t BankRun::visible(Direction direction) const {
  return std::count_if(effects.begin(), effects.end(), [&](const Effect& e) { return e.visible && e.mistake->direction == direction; });
}
index_t BankRun::applicable(Direction direction) const {
  return std::count_if(effects.begin(), effects.end(), [&](const Effect& e) { return e.applies && e.mistake->direction == direction; });
}

BankRun run_bank(const Bench& bench, const Results& judged, const Limits& limits, const SignatureSpace* forward, const SignatureSpace* backward, int threads) {
  BankRun run;
  run.effects.resize(bank().size());
  parallel_for(static_cast<index_t>(bank().size()), threads, [&](index_t i) {
    Effect& effect = run.effects[static_cast<std::size_t>(i)];
    effect.mistake = &bank()[static_cast<std::size_t>(i)];
    if (effect.mistake->direction == Direction::backward && !bench.gradients) return;
    if (!effect.mistake->applies(bench)) return;
    effect.applies = true;
    const Results wrong = effect.mistake->run(bench);
    measure(wrong, bench, judged, limits, effect);
    const SignatureSpace* space = effect.mistake->direction == Direction::forward ? forward : backward;
    if (space && effect.ratio > 0) effect.signature = Signature(space->residual(wrong));
  });
  return run;
}

Lineup line_up(const SignatureSpace& space, const BankRun& run, Direction direction, const Residual& residual) {
  Lineup lineup{direction, {}};
  auto& suspects = lineup.suspects;
  const bool thorough = residual.nonfinite || space.size() <= kSmall;
  for (const Effect& effect : run.effects) {
    if (effect.mistake->direction != direction || effect.signature.values.empty() || !(effect.ratio > 0.1)) continue;
    suspects.push_back({{effect.mistake, thorough ? match(space, residual, effect.signature) : match_everywhere(residual, effect.signature), effect.ratio}, &effect});
  }
  const auto by_rank = [](const auto& a, const auto& b) { return rank(a.first) > rank(b.first); };
  std::stable_sort(suspects.begin(), suspects.end(), by_rank);
  if (!thorough) {
    if (suspects.size() > kExamined) suspects.resize(kExamined);
    for (auto& s : suspects) s.first.match = match(space, residual, s.second->signature);
    std::stable_sort(suspects.begin(), suspects.end(), by_rank);
  }
  std::erase_if(suspects, [](const auto& s) { return s.first.match.score <= 0.02; });
  return lineup;
}

Diagnosis diagnose(const SignatureSpace& space, const Lineup& lineup, const Mistake* without) {
  Diagnosis result;
  result.direction = lineup.direction;
  using Entry = std::pair<Suspect, const Effect*>;
  std::vector<Entry> suspects;
  for (const Entry& s : lineup.suspects)
    if (s.first.mistake != without) suspects.push_back(s);
  if (suspects.empty()) return result;

  // exact fits: nothing but noise is left, at the mistake's own size
  const auto exact = [](const Match& m) {
    if (m.nonfinite) return m.score >= kExactOverlap;
    return m.left <= kNoiseLeft && std::fabs(m.amplitude - 1.0) <= kOwnAmplitude && m.score >= kSeen;
  };
  const auto fits_better = [&](const Entry& x, const Entry& y) {
    const bool ex = exact(x.first.match), ey = exact(y.first.match);
    if (ex != ey) return ex;
    return ex && !x.first.match.nonfinite ? x.first.match.left < y.first.match.left : false;
  };
  std::stable_sort(suspects.begin(), suspects.end(), fits_better);
  const Entry& best = suspects.front();
  result.exact = exact(best.first.match);
  std::vector<Suspect> group{best.first}, others;
  for (std::size_t i = 1; i < suspects.size(); ++i) {
    const Entry& s = suspects[i];
    const bool as_good = result.exact && exact(s.first.match) && s.first.match.left - best.first.match.left <= kAlike;
    const bool collinear = best.first.match.score - s.first.match.score < 0.1 &&
                           similarity(space, best.second->signature, best.first.match, s.second->signature, s.first.match) > kCollinear;
    (as_good || collinear ? group : others).push_back(s.first);
  }
  const double score = best.first.match.score, next = others.empty() ? 0.0 : others.front().match.score;
  const double left = 1.0 - score, left_next = 1.0 - next;
  // without an exact fit: a clear lead, or a fit so much better that the next one leaves several times as much unexplained
  const bool ahead = score - next >= kLead || (left <= 0.05 && left_next >= 3.0 * left + 0.02);
  result.named = result.exact || (score >= kNamed && ahead);
  if (result.named && group.size() > 1) {
    std::vector<Suspect> own;
    for (const Suspect& s : group)
      if (std::fabs(s.match.amplitude - 1.0) <= kOwnAmplitude) own.push_back(s);
    if (!own.empty() && own.size() < group.size()) {
      result.by_amplitude = true;
      for (const Suspect& s : group)
        if (std::fabs(s.match.amplitude - 1.0) > kOwnAmplitude) others.insert(others.begin(), s);
      group = own;
    }
  }
  if (others.size() > 3) others.resize(3);
  result.group = std::move(group);
  result.others = std::move(others);
  return result;
}

}  // namespace fw::verify
