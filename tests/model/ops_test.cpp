// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <cmath>
#include <functional>

#include "core/random.h"
#include "model/op_table.h"
#include "support/results.h"

namespace fw::test {
namespace {

using model::GateActivation;
using Table = model::OpTable<double>;

Tensor<double> normal(const char* name, Shape shape, double scale = 1) {
  Tensor<double> t(shape);
  const Random random(5, name);
  for (index_t i = 0; i < t.numel(); ++i) t[i] = scale * random.normal(static_cast<std::uint64_t>(i));
  return t;
}

/// What `call` writes with the kernels of every CPU, and with the best this CPU has. Both buffers start as the same numbers.
void check_same(const char* name, const std::function<void(const Table&, std::vector<Tensor<double>>&)>& call,
                const std::vector<Tensor<double>>& start) {
  CAPTURE(std::string(name));
  std::vector<Tensor<double>> plain = start, best = start;
  call(model::baseline::op_table<double>(), plain);
  call(model::op_table<double>(), best);
  for (std::size_t i = 0; i < start.size(); ++i) CHECK_CLOSE(best[i], plain[i], {1e-13, 1e-12});
}

TEST_SUITE("model") {
  TEST_CASE("ops: every instruction set gives the same numbers to rounding") {
    const index_t B = 2, T = 7, D = 13, n = B * T, W = 4;
    const Tensor<double> x = normal("x", {n, D}, 3), w = normal("w", {D}), z = normal("z", {n, D}, 3), dy = normal("dy", {n, D});
    const Tensor<double> inverse = normal("inverse", {n}), taps = normal("taps", {D, 1, W}), wide = normal("wide", {D, 5});
    const Tensor<double> rows({n, D}), row({D}), column({n});
    for (const GateActivation act : {GateActivation::silu, GateActivation::sigmoid}) {
      check_same("gated_rms_norm", [&](const Table& t, auto& out) {
        t.gated_rms_norm(x.data(), w.data(), z.data(), act, 1e-6, n, D, out[0].data(), out[1].data());
      }, {rows, column});
      check_same("gated_rms_norm_backward", [&](const Table& t, auto& out) {
        t.gated_rms_norm_backward(x.data(), w.data(), z.data(), act, inverse.data(), dy.data(), n, D, out[0].data(), out[1].data(), out[2].data());
      }, {rows, row, rows});
    }
    check_same("rms_norm_backward_add", [&](const Table& t, auto& out) {
      t.rms_norm_backward_add(x.data(), w.data(), inverse.data(), dy.data(), n, D, out[0].data(), out[1].data());
    }, {z, w});
    check_same("short_conv_silu", [&](const Table& t, auto& out) {
      t.short_conv_silu(x.data(), taps.data(), W, B, T, D, out[0].data(), out[1].data(), out[2].data());
    }, {normal("history", {B, W - 1, D}), rows, rows});
    check_same("short_conv_silu_backward", [&](const Table& t, auto& out) {
      t.short_conv_silu_backward(x.data(), taps.data(), W, B, T, D, z.data(), dy.data(), out[0].data(), out[1].data());
    }, {rows, taps});
    check_same("silu", [&](const Table& t, auto& out) { t.silu(x.data(), n * D, out[0].data()); }, {rows});
    check_same("silu_backward", [&](const Table& t, auto& out) { t.silu_backward(x.data(), dy.data(), n * D, out[0].data()); }, {rows});
    check_same("swiglu", [&](const Table& t, auto& out) { t.swiglu(x.data(), z.data(), n * D, out[0].data()); }, {rows});
    check_same("swiglu_backward", [&](const Table& t, auto& out) {
      t.swiglu_backward(x.data(), z.data(), dy.data(), n * D, out[0].data(), out[1].data());
    }, {rows, rows});
    check_same("product", [&](const Table& t, auto& out) {
      t.product(0, x.data(), dy.data(), out[0].data(), n, n, D, true);
      t.product(1, x.data(), wide.data(), out[1].data(), n, 5, D, false);
      t.product(2, x.data(), dy.data(), out[2].data(), D, D, n, true);
    }, {normal("c", {n, n}), normal("c", {n, 5}), normal("c", {D, D})});
    const model::AttentionShape shape{1, 90, 90, 2, 1, 6, 20};
    const Tensor<double> q = normal("q", {90, 12}), k = normal("k", {90, 6}), v = normal("v", {90, 6});
    check_same("attention", [&](const Table& t, auto& out) {
      t.attention(shape, q.data(), k.data(), v.data(), out[0].data());
      t.attention_backward(shape, q.data(), k.data(), v.data(), q.data(), out[1].data(), out[2].data(), out[3].data());
    }, {q, q, k, v});
    const std::vector<std::int32_t> targets(static_cast<std::size_t>(n), 3);
    check_same("cross_entropy", [&](const Table& t, auto& out) {
      out[1][0] = t.cross_entropy(out[0].data(), targets.data(), n, D, 0.5, true, nullptr);
    }, {x, Tensor<double>({1})});
  }

  TEST_CASE("cross entropy: closed form, and no overflow for large logits") {
    double logits[] = {1000, 1000, 1000, 1000, 0, 0, -800, 0};
    const std::int32_t targets[] = {1, 2};
    index_t right = 0;
    const double loss = model::cross_entropy(logits, targets, 2, 4, 1.0, true, &right);
    CHECK(std::abs(loss - (std::log(4.0) + 800 + std::log(3.0))) < 1e-12);
    CHECK(right == 0);
    CHECK(std::abs(logits[1] + 0.75) < 1e-15);
    CHECK(std::abs(logits[6] + 1) < 1e-15);
    CHECK(std::abs(logits[7] - 1.0 / 3) < 1e-15);
  }

  TEST_CASE("convolution: tap W-1 is the current token, history stands before the first") {
    const double x[] = {1, 2, 3}, weight[] = {100, 10, 1};  // [T=3, D=1], W = 3
    double history[] = {7, 8}, p[3], y[3];
    model::short_conv_silu(x, weight, 3, 1, 3, 1, static_cast<double*>(nullptr), p, y);
    CHECK(p[0] == 1);
    CHECK(p[1] == 12);
    CHECK(p[2] == 123);
    model::short_conv_silu(x, weight, 3, 1, 1, 1, history, p, y);
    CHECK(p[0] == 781);
    CHECK(history[0] == 8);
    CHECK(history[1] == 1);
    CHECK(std::abs(y[0] - 781) < 1e-12);
  }
}

}  // namespace
}  // namespace fw::test
