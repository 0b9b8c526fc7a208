// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <chrono>
#include <cmath>

#include "core/error.h"
#include "fixtures.h"
#include "naive/reference.h"
#include "viz/model/frame.h"
#include "viz/model/lineage.h"
#include "viz/model/quantities.h"
#include "viz/model/rule.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

const Variant kRules[] = {Variant::linear, Variant::mamba2,     Variant::gla,        Variant::delta, Variant::gdn,
                          Variant::kda,    Variant::gdn2_write, Variant::gdn2_erase, Variant::gdn2};

/// The same timeline as tensors for the reference's own door.
Inputs<double> inputs_of(const Timeline& line, Variant variant) {
  const index_t T = line.length(), Dk = line.dk, Dv = line.dv;
  const VariantInfo& rule = info(variant);
  Inputs<double> in;
  in.q = in.k = Tensor<double>({1, T, 1, Dk});
  in.v = Tensor<double>({1, T, 1, Dv});
  const bool channels = rule.erase == Erase::channel || rule.write == Write::channel;
  if (rule.decay != Decay::none) in.g = rule.decay == Decay::scalar ? Tensor<double>({1, T, 1}) : Tensor<double>({1, T, 1, Dk});
  if (channels) in.b = Tensor<double>({1, T, 1, Dk}), in.w = Tensor<double>({1, T, 1, Dv});
  if (rule.erase == Erase::scalar) in.beta = Tensor<double>({1, T, 1});
  for (index_t t = 0; t < T; ++t) {
    const Entry& e = line.entries[static_cast<std::size_t>(t)];
    std::copy(e.q.begin(), e.q.end(), in.q.row(0, t, 0));
    std::copy(e.k.begin(), e.k.end(), in.k.row(0, t, 0));
    std::copy(e.v.begin(), e.v.end(), in.v.row(0, t, 0));
    if (rule.decay == Decay::scalar) in.g(0, t, 0) = scalar_decay(e, AlphaFrom::geometric);
    if (rule.decay == Decay::channel) std::copy(e.g.begin(), e.g.end(), in.g.row(0, t, 0));
    if (in.b.defined()) std::copy(e.b.begin(), e.b.end(), in.b.row(0, t, 0)), std::copy(e.w.begin(), e.w.end(), in.w.row(0, t, 0));
    if (in.beta.defined()) in.beta(0, t, 0) = tied_beta(e, BetaFrom::both);
  }
  return in;
}

}  // namespace

TEST_CASE("run: every rule has the bits of the naive reference") {
  for (int size : {1, 7, 32}) {
    Settings s;
    s.dk = size;
    s.dv = size == 7 ? 12 : size;
    if (size == 1) s.policy = Policy::uniform;
    const char* script = size == 1 ? "Ana=red\n... 4\nAna?\ndel Ana\n" : kEverything;
    const auto line = timeline_of(script, s);
    for (Variant variant : kRules) {
      const Run run(line, named(variant));
      Options options;
      options.variant = variant;
      options.scale = line->scale;
      const Outputs<double> truth = naive::forward(inputs_of(*line, variant), options);
      INFO(info(variant).name, " size ", size);
      CHECK_BITWISE_EQUAL(tensor(run.state(run.length())), truth.final_state.reshaped(Shape{s.dk, s.dv}));
      for (int t = 1; t <= run.length(); ++t) {
        const Vec o(truth.o.row(0, t - 1, 0), truth.o.row(0, t - 1, 0) + s.dv);
        CHECK_BITWISE_EQUAL(tensor(run.step(t).o), tensor(o));
      }
    }
  }
}

TEST_CASE("morph: at its corners it has the bits of the dedicated rules, in between it has not") {
  const auto line = timeline_of(kEverything);
  for (Variant variant : {Variant::linear, Variant::mamba2, Variant::gla, Variant::delta, Variant::gdn, Variant::kda, Variant::gdn2}) {
    for (BetaFrom beta : {BetaFrom::both, BetaFrom::b, BetaFrom::w, BetaFrom::effective}) {
      for (AlphaFrom alpha : {AlphaFrom::geometric, AlphaFrom::arithmetic}) {
        Head dedicated = named(variant), morph{true, Variant::gdn2, corner(variant)};
        dedicated.collapse.beta = morph.collapse.beta = beta;
        dedicated.collapse.alpha = morph.collapse.alpha = alpha;
        const Run one(line, dedicated), other(line, morph);
        INFO(info(variant).name);
        for (int t = 0; t <= one.length(); ++t) CHECK_BITWISE_EQUAL(tensor(one.state(t)), tensor(other.state(t)));
        for (int t = 1; t <= one.length(); ++t) CHECK_BITWISE_EQUAL(tensor(one.step(t).o), tensor(other.step(t).o));
        CHECK(short_name(morph) == short_name(named(variant)) + " (morph)");
        if (variant == Variant::gdn2) continue;
        double& slider = morph.collapse.tie == 1.0 ? morph.collapse.tie : morph.collapse.no_erase;
        slider = 1.0 - 1e-9;
        const Run near(line, morph);
        CHECK_FALSE(near.state(near.length()) == one.state(one.length()));
      }
    }
  }
}

TEST_CASE("morph: a reset stays a reset until the decay is taken out") {
  Entry e;
  e.k = e.b = {1.0, 0.0};
  e.g = {-std::numeric_limits<double>::infinity(), 0.0};
  e.w = {0.5};
  Collapse c;
  c.one = 0.5;
  CHECK(collapsed(e, c).g == e.g);
  c.scalar = 0.5;
  for (double g : collapsed(e, c).g) CHECK(g == -std::numeric_limits<double>::infinity());
  c.one = 1.0;
  CHECK(collapsed(e, c).g == Vec{0.0, 0.0});
  CHECK_THROWS_AS(corner(Variant::gdn2_write), Error);
  CHECK_THROWS_AS(check_head({true, Variant::gdn2, {1.5}}), Error);
  CHECK_THROWS_AS(check_head({true, Variant::gdn2, {std::nan("")}}), Error);
  CHECK_THROWS_AS(check_head(named(Variant::softmax)), Error);
}

TEST_CASE("run: a state recomputed from a checkpoint has the bits of a straight run, in any order") {
  const auto line = timeline_of(std::string(kEverything) + kSurgery + "... 200\n");
  const Run all(line, named(Variant::gdn2));
  Run::Options small;
  small.state_bytes = std::size_t{8} * 32 * 32 * 24;
  const Run sparse(line, named(Variant::gdn2), small);
  CHECK(all.checkpoint_distance() == 1);
  CHECK(sparse.checkpoint_distance() > 8);
  for (int t = all.length(); t >= 0; t -= 7) CHECK_BITWISE_EQUAL(tensor(all.state(t)), tensor(sparse.state(t)));
  for (int t : {3, 150, 4, 149, 0, all.length()}) CHECK_BITWISE_EQUAL(tensor(all.state(t)), tensor(sparse.state(t)));
  for (int t : {1, 9, 15, 100}) CHECK_BITWISE_EQUAL(tensor(sparse.step(t).after), tensor(all.state(t)));
  CHECK_THROWS_WITH_AS(all.state(-1), ("run state: t: expected 0 to " + std::to_string(all.length()) + ", got -1").c_str(), Error);
  CHECK_THROWS_AS(all.step(0), Error);
  CHECK_THROWS_AS(all.gates(all.length() + 1), Error);
}

TEST_CASE("run: wide states are cut into pieces without a trace of it, for every rule and edits by hand") {
  for (const int dv : {127, 128, 130, 200}) {
    const auto line =
        timeline_of(std::string(kEverything) + "S[2,100]=0.5\nzero col 101\nperturb 0.01\nzero col 3\nAna=red\n", uniform(12, dv, 0.9));
    for (Variant variant : kRules) {
      INFO(info(variant).name, " ", dv);
      const Run run(line, named(variant));
      naive::Matrix<double> S = naive::Matrix<double>::Zero(12, dv);
      naive::StepRecord<double> record;
      naive::Vector<double> o;
      for (int t = 1; t <= run.length(); ++t) {
        const naive::Matrix<double> before = S;
        advance(S, *line, t - 1, run.head(), run.gates(t), record, o);
        const Grid& now = run.state(t);
        CHECK(std::equal(now.a.begin(), now.a.end(), S.data()));
        CHECK_CLOSE(tensor(run.series().state[static_cast<std::size_t>(t - 1)]), tensor(S.norm()), kExactToRounding);
        CHECK_CLOSE(tensor(run.series().total[static_cast<std::size_t>(t - 1)]), tensor((S - before).norm()), kExactToRounding);
      }
    }
  }
}

TEST_CASE("run: A and B together, alone or one after the other, whatever is kept of them") {
  const auto whole = timeline_of(std::string(kEverything) + "... 180\n", uniform(8, 128, 0.97));
  Run::Options few, later;
  few.state_bytes = std::size_t{8} * 8 * 128 * 20;
  few.later = later.later = true;
  for (const Run::Options& of_a : {few, later})
    for (const Run::Options& of_b : {few, later}) {
      auto line = std::make_shared<Timeline>(*whole);
      line->entries.resize(131);
      Run a(line, named(Variant::gdn2), of_a), b(line, named(Variant::delta), of_b), c(line, named(Variant::kda), of_b);
      Vec apart, again;
      bring_forward(a, &b, apart);  // both new
      REQUIRE(apart.size() == 132);
      for (int t = 1; t <= 131; ++t)
        CHECK_CLOSE(tensor(apart[static_cast<std::size_t>(t)]), tensor(norm(difference(a.state(t), b.state(t))) / norm(a.state(t))),
                    kExactToRounding);
      const Grid last = a.state(131);
      bring_forward(a, &c, again);  // one was there
      CHECK_BITWISE_EQUAL(tensor(a.state(131)), tensor(last));
      Vec both;
      bring_forward(a, &b, both);  // both were there
      CHECK_BITWISE_EQUAL(tensor(both), tensor(apart));
      for (std::size_t n = line->entries.size(); n < whole->entries.size(); ++n) line->entries.push_back(whole->entries[n]);
      a.prepare_to_extend(), b.prepare_to_extend();
      bring_forward(a, &b, apart);  // both grow
      const Run straight_a(whole, named(Variant::gdn2)), straight_b(whole, named(Variant::delta));
      for (int t : {1, 130, 131, 132, a.length()}) {
        CHECK_BITWISE_EQUAL(tensor(a.state(t)), tensor(straight_a.state(t)));
        CHECK_BITWISE_EQUAL(tensor(b.state(t)), tensor(straight_b.state(t)));
        CHECK_CLOSE(tensor(apart[static_cast<std::size_t>(t)]), tensor(norm(difference(a.state(t), b.state(t))) / norm(a.state(t))),
                    kExactToRounding);
      }
      CHECK_BITWISE_EQUAL(tensor(a.series().decay), tensor(straight_a.series().decay));
      CHECK_BITWISE_EQUAL(tensor(b.series().beta), tensor(straight_b.series().beta));
      // One that is behind catches up with one that is not.
      Run late(line, named(Variant::delta), of_b);
      again.clear();
      bring_forward(a, &late, again);
      CHECK_BITWISE_EQUAL(tensor(late.state(a.length())), tensor(straight_b.state(a.length())));
      CHECK(again.back() == apart.back());
    }
}

TEST_CASE("run: sixteen thousand tokens fit into the memory they are given") {
  const auto line = timeline_of("Ana=red\n... 16000\nAna?\n... 382\n", uniform(32, 32, 0.9999));
  CHECK(line->length() == 16384);
  Run::Options small;
  small.state_bytes = std::size_t{8} << 20;
  const Run run(line, named(Variant::gdn2), small);
  const double states = 16384.0 / run.checkpoint_distance() + run.checkpoint_distance();
  CHECK(states * 32 * 32 * 8 < 8e6);
  CHECK(run.state(16383).rows == 32);
  CHECK(run.state(9000).rows == 32);
  CHECK(static_cast<int>(run.recall(0).cosine.size()) == 16384 / run.recall_stride());
}

TEST_CASE("run: the step is the sum of its parts, by hand or by rule") {
  for (const char* script : {kEverything, kSurgery}) {
    const auto line = timeline_of(script);
    for (Variant variant : kRules) {
      const Run run(line, named(variant));
      for (int t = 1; t <= run.length(); ++t) {
        const Step step = run.step(t);
        const Split split = split_of(step);
        Grid sum = step.before;
        for (std::size_t i = 0; i < sum.a.size(); ++i)
          sum.a[i] += split.decay.a[i] + split.erase.a[i] + split.write.a[i] + split.surgery.a[i];
        CHECK_CLOSE(tensor(sum), tensor(step.after), kExactToRounding);
        CHECK_BITWISE_EQUAL(tensor(step.before), tensor(run.state(t - 1)));
        const auto i = static_cast<std::size_t>(t - 1);
        CHECK_CLOSE(tensor(run.series().erase[i]), tensor(norm(split.erase)), kExactToRounding);
        CHECK_CLOSE(tensor(run.series().write[i]), tensor(norm(split.write)), kExactToRounding);
        CHECK_CLOSE(tensor(run.series().total[i]), tensor(norm(split.total)), kExactToRounding);
        CHECK_CLOSE(tensor(run.series().state[i]), tensor(norm(step.after)), kExactToRounding);
      }
    }
  }
}

TEST_CASE("lineage: memory is the sum of surviving writes, the output the sum of hidden attention") {
  const auto line = timeline_of(kEverything);
  for (Variant variant : kRules) {
    const Run run(line, named(variant));
    const int T = run.length();
    const Grid A = hidden_attention(run), kept = retention(run);
    for (int t : {1, 4, 9, T}) {
      Grid sum(line->dk, line->dv);
      Vec o(static_cast<std::size_t>(line->dv), 0.0);
      for (int i = 1; i <= t; ++i) {
        const Vec m = surviving_key(run, i, t), z = run.step(i).z;
        CHECK_CLOSE(tensor(kept(t - 1, i - 1)), tensor(norm(m) / norm(line->entries[static_cast<std::size_t>(i - 1)].k)), kExactToRounding);
        for (int r = 0; r < sum.rows; ++r)
          for (int c = 0; c < sum.cols; ++c) sum(r, c) += m[static_cast<std::size_t>(r)] * z[static_cast<std::size_t>(c)];
        for (std::size_t j = 0; j < o.size(); ++j) o[j] += A(t - 1, i - 1) * z[j];
      }
      INFO(info(variant).name, " t ", t);
      CHECK_CLOSE(tensor(sum), tensor(run.state(t)), kExactToRounding);
      CHECK_CLOSE(tensor(o), tensor(run.step(t).o), kExactToRounding);
    }
  }
}

TEST_CASE("lineage: a window shows what the whole shows there") {
  const Run run(timeline_of(std::string(kEverything) + kSurgery), named(Variant::gdn2));
  const Grid A = hidden_attention(run), kept = retention(run), part = hidden_attention(run, 5, 9), kept_part = retention(run, 5, 9);
  for (int t = 0; t < 9; ++t)
    for (int i = 0; i <= t; ++i) {
      CHECK(part(t, i) == A(t + 4, i + 4));
      CHECK(kept_part(t, i) == kept(t + 4, i + 4));
    }
}

TEST_CASE("lineage: a fact's answer is its signal and the crosstalk of all others") {
  const auto line = timeline_of("Ana=red\nBo=blue\nCy=green\n", uniform(16, 16));
  const Run run(line, named(Variant::linear));
  const Origin ana = origin_of(run, 3, 0);
  CHECK_CLOSE(tensor(ana.signal), tensor(line->entries[0].v), kExactToRounding);
  Vec others(16, 0.0);
  for (std::size_t i : {1u, 2u})
    for (std::size_t j = 0; j < 16; ++j) others[j] += dot(line->facts[0].k, line->facts[i].k) * line->entries[i].v[j];
  CHECK_CLOSE(tensor(ana.crosstalk), tensor(others), kExactToRounding);
  CHECK_CLOSE(tensor(ana.retained), tensor(1.0), kExactToRounding);
}

TEST_SUITE_END();
