// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/compare.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/random.h"
#include "support/check.h"

TEST_SUITE_BEGIN("core");

using fw::compare;
using fw::Comparison;
using fw::index_t;
using fw::passes;
using fw::Shape;
using fw::Tensor;
using fw::Tolerance;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr Tolerance kLoose{1e-2, 3e-2};
constexpr Tolerance kExact{0.0, 0.0};
constexpr Tolerance kAnything{kInf, kInf};

Tensor<double> normals(Shape shape, double gain = 1.0) {
  Tensor<double> out(shape);
  const fw::Random random(5, "compare");
  for (index_t i = 0; i < out.numel(); ++i) out[i] = gain * random.normal(static_cast<std::uint64_t>(i));
  return out;
}

Tensor<double> of(std::initializer_list<double> values) {
  Tensor<double> out(Shape{static_cast<index_t>(values.size())});
  index_t i = 0;
  for (double value : values) out[i++] = value;
  return out;
}

bool close(const Tensor<double>& candidate, const Tensor<double>& reference, const Tolerance& tolerance = kLoose) {
  return passes(compare(candidate, reference, tolerance), tolerance);
}

}  // namespace

TEST_CASE("comparator: equal tensors pass with no tolerance at all") {
  const Tensor<double> r = normals({3, 5, 32});
  const Comparison at = compare(r, r, kExact);
  CHECK(passes(at, kExact));
  CHECK(at.shapes_match);
  CHECK(at.elements == 480);
  CHECK(at.rows == 15);
  CHECK(at.row_width == 32);
  CHECK(at.rel_l2 == 0.0);
  CHECK(at.worst_row == 0.0);
  CHECK(at.max_abs == 0.0);
  CHECK(at.max_abs_index == -1);
  CHECK(at.worst_row_index == -1);
  CHECK(at.first_row_over == -1);
  CHECK(at.rows_over == 0);
  CHECK(std::fabs(at.cosine - 1) <= 1e-14);
}

TEST_CASE("comparator: closed form of every metric on a tensor worked by hand") {
  // Two rows of 2: (3,4) and (0,0) against (3,4+1) and (0,-2). Reference norm 5, error norm sqrt 5.
  Tensor<double> r(Shape{2, 2}), c(Shape{2, 2});
  r[0] = 3, r[1] = 4;
  c[0] = 3, c[1] = 5, c[3] = -2;
  const Comparison at = compare(c, r, Tolerance{1.0, 0.5});
  CHECK(std::fabs(at.rms_reference - 2.5) <= 1e-15);
  CHECK(std::fabs(at.rel_l2 - std::sqrt(5.0) / 5) <= 1e-15);
  CHECK(std::fabs(at.nmse - 0.2) <= 1e-15);
  CHECK(std::fabs(at.worst_row - std::sqrt(2.0) / 2.5) <= 1e-15);  // narrow rows: against the RMS of the whole
  CHECK(at.worst_row_index == 1);
  CHECK(at.rows_over == 1);
  CHECK(at.first_row_over == 1);
  CHECK(at.max_abs == 2.0);
  CHECK(at.max_abs_index == 3);
  CHECK(at.max_abs_reference == 4.0);
  CHECK(std::fabs(at.cosine - 29 / (5 * std::sqrt(38.0))) <= 1e-15);
}

TEST_CASE("comparator: a wide row is measured against itself, but not below a tenth of the whole") {
  Tensor<double> r(Shape{100, 16}, 1.0), c;
  for (index_t i = 0; i < 16; ++i) r(7, i) = 0.5, r(8, i) = 1e-6;
  c = r;
  for (index_t i = 0; i < 16; ++i) c(7, i) = 0.6;
  Comparison at = compare(c, r, kLoose);
  CHECK(std::fabs(at.worst_row - 0.2) <= 1e-12);
  CHECK(at.worst_row_index == 7);
  c = r;
  for (index_t i = 0; i < 16; ++i) c(8, i) = 0.01;
  at = compare(c, r, kLoose);
  CHECK(at.worst_row > 0.09);
  CHECK(at.worst_row < 0.11);
}

TEST_CASE("comparator: an error exactly at the tolerance passes, above it fails") {
  Tensor<double> r(Shape{1, 4}, 1.0), c(Shape{1, 4}, 1.25);
  CHECK(close(c, r, {0.25, 0.25}));
  CHECK_FALSE(close(c, r, {0.2499, 0.25}));
  CHECK_FALSE(close(c, r, {0.25, 0.2499}));
}

TEST_CASE("comparator: rejects NaN and Inf wherever they stand, even in both and with infinite tolerance") {
  const Tensor<double> good = normals({4, 8});
  for (double bad : {kNan, kInf, -kInf})
    for (index_t where : {0, 17, 31}) {
      Tensor<double> broken = good;
      broken[where] = bad;
      CHECK_FALSE(close(broken, good, kAnything));
      CHECK_FALSE(close(good, broken, kAnything));
      CHECK_FALSE(close(broken, broken, kAnything));
      const Comparison at = compare(broken, good, kLoose);
      CHECK(at.nonfinite_candidate == 1);
      CHECK(at.nonfinite_reference == 0);
      CHECK(at.nonfinite_mismatch == 1);
      CHECK(at.first_nonfinite == where);
      CHECK(at.first_mismatch == where);
      CHECK(at.worst_row_index == where / 8);
      CHECK(at.first_row_over == where / 8);
      CHECK(at.rows_over == 1);
      CHECK(compare(broken, broken, kLoose).nonfinite_mismatch == 0);
    }
}

TEST_CASE("comparator: tells the kinds of non-finite numbers apart") {
  const auto mismatches = [](double c, double r) { return compare(of({1, c}), of({1, r}), kLoose).nonfinite_mismatch; };
  CHECK(mismatches(kNan, kNan) == 0);
  CHECK(mismatches(kInf, kInf) == 0);
  CHECK(mismatches(-kInf, -kInf) == 0);
  CHECK(mismatches(kInf, -kInf) == 1);
  CHECK(mismatches(kNan, kInf) == 1);
  CHECK(mismatches(kInf, kNan) == 1);
  CHECK(mismatches(kNan, 1) == 1);
  CHECK(mismatches(1, kInf) == 1);
}

TEST_CASE("comparator: rejects a tolerance that is NaN or negative") {
  const Tensor<double> r = normals({4, 4});
  CHECK_FALSE(close(r, r, {kNan, 1}));
  CHECK_FALSE(close(r, r, {1, kNan}));
  CHECK_FALSE(close(r, r, {-1, 1}));
}

TEST_CASE("comparator: zero against zero passes, anything against zero fails") {
  const Tensor<double> zero(Shape{4, 16});
  Tensor<double> tiny = zero;
  CHECK(close(zero, zero, kExact));
  CHECK(compare(zero, zero, kExact).cosine == 1.0);
  tiny[5] = 5e-324;
  CHECK_FALSE(close(tiny, zero, {1e6, 1e6}));
  CHECK_FALSE(close(tiny, zero, kAnything));
  CHECK(compare(tiny, zero, kLoose).rel_l2 == kInf);
  Tensor<double> minus_zero = zero;
  minus_zero[0] = -0.0;
  CHECK(close(minus_zero, zero, kExact));
}

TEST_CASE("comparator: an all-zero candidate, a flipped sign, a factor of two are far off") {
  for (double gain : {1.0, 1e-300, 1e-40, 1e-20, 1e20, 1e200, 1e307}) {
    const Tensor<double> r = normals({10, 32}, gain);
    Tensor<double> zero(r.shape()), flipped = r, doubled = r;
    for (index_t i = 0; i < r.numel(); ++i) flipped[i] = -r[i], doubled[i] = 2 * r[i];
    CHECK_FALSE(close(zero, r));
    CHECK_FALSE(close(flipped, r));
    CHECK_FALSE(close(doubled, r));
    CHECK(std::fabs(compare(zero, r, kLoose).rel_l2 - 1) <= 1e-12);
    CHECK(std::fabs(compare(flipped, r, kLoose).rel_l2 - 2) <= 1e-12);
    CHECK(std::fabs(compare(doubled, r, kLoose).rel_l2 - 1) <= 1e-12);
    CHECK(std::fabs(compare(flipped, r, kLoose).cosine + 1) <= 1e-12);
    CHECK(std::fabs(compare(doubled, r, kLoose).cosine - 1) <= 1e-12);
    CHECK(compare(zero, r, kLoose).cosine == 0.0);
  }
}

TEST_CASE("comparator: the relative error does not depend on the magnitude, tiny and huge values included") {
  const Tensor<double> r = normals({10, 32});
  Tensor<double> c = r;
  for (index_t i = 0; i < c.numel(); i += 3) c[i] *= 1 + 1e-3;
  const Comparison expected = compare(c, r, kLoose);
  for (int exponent : {-1000, -700, -300, 300, 700, 1020}) {
    Tensor<double> rs = r, cs = c;
    for (index_t i = 0; i < r.numel(); ++i) rs[i] = std::ldexp(r[i], exponent), cs[i] = std::ldexp(c[i], exponent);
    const Comparison at = compare(cs, rs, kLoose);
    CHECK(std::fabs(at.rel_l2 / expected.rel_l2 - 1) <= 1e-9);
    CHECK(std::fabs(at.worst_row / expected.worst_row - 1) <= 1e-9);
    CHECK(at.worst_row_index == expected.worst_row_index);
    CHECK(at.max_abs_index == expected.max_abs_index);
  }
}

TEST_CASE("comparator: a difference that would overflow or vanish is still seen") {
  const double huge = std::numeric_limits<double>::max();
  CHECK(std::fabs(compare(of({huge, huge}), of({-huge, huge}), kLoose).rel_l2 - std::sqrt(2.0)) <= 1e-12);
  CHECK(compare(of({huge}), of({-huge}), kLoose).max_abs == kInf);
  CHECK_FALSE(close(of({huge}), of({-huge}), {1.9, 1.9}));
  CHECK_FALSE(close(of({1e300, 5e-324}), of({1e300, 0}), kExact));
  CHECK_FALSE(close(of({1e308, 0}), of({1e308, 5e-324}), kExact));
  CHECK_FALSE(close(of({1e-300}), of({1e-40}), kLoose));
  CHECK_FALSE(close(of({1e200, 1e200}), of({1e-200, 1e-200}), {1e300, 1e300}));
}

TEST_CASE("comparator: finds one bad element in a million") {
  const Tensor<double> r = normals({10000, 100});
  Tensor<double> c = r;
  c[765432] += 3.0;
  const Comparison at = compare(c, r, kLoose);
  CHECK(at.rel_l2 < 0.01);  // the global error alone would let it through
  CHECK_FALSE(passes(at, kLoose));
  CHECK(at.worst_row_index == 7654);
  CHECK(at.first_row_over == 7654);
  CHECK(at.rows_over == 1);
  CHECK(at.max_abs_index == 765432);
  c[765432] = kNan;
  CHECK_FALSE(close(c, r));
}

TEST_CASE("comparator: rejects a wrong shape and a missing tensor") {
  const Tensor<double> r = normals({4, 6});
  CHECK_FALSE(close(r.reshaped({6, 4}), r, kAnything));
  CHECK_FALSE(close(r.reshaped({24}), r, kAnything));
  CHECK_FALSE(close(Tensor<double>(), r, kAnything));
  CHECK_FALSE(close(r, Tensor<double>(), kAnything));
  CHECK_FALSE(close(Tensor<double>(), Tensor<double>(), kAnything));
  CHECK_FALSE(close(Tensor<double>(Shape{0, 4}), Tensor<double>(Shape{0, 5}), kAnything));
  CHECK(fw::describe(compare(r.reshaped({6, 4}), r, kLoose), kLoose).find("[6,4]") != std::string::npos);
}

TEST_CASE("comparator: empty tensors of one shape pass") {
  for (const Shape& shape : {Shape{0}, Shape{2, 0, 4, 8}, Shape{3, 0}}) {
    const Comparison at = compare(Tensor<double>(shape), Tensor<double>(shape), kExact);
    CHECK(passes(at, kExact));
    CHECK(at.elements == 0);
    CHECK(at.rows == 0);
  }
}

TEST_CASE("comparator: a tensor without axes is one number") {
  Tensor<double> r((Shape())), c((Shape()));
  r[0] = 2;
  c[0] = 2.5;
  CHECK(compare(c, r, kLoose).rel_l2 == 0.25);
  CHECK_FALSE(close(c, r));
}

TEST_CASE("comparator: rows of any width that divides") {
  const Tensor<double> r = normals({4, 6});
  CHECK(compare(r, r, kExact, 24).rows == 1);
  CHECK(compare(r, r, kExact, 1).rows == 24);
  CHECK_THROWS_AS(compare(r, r, kExact, 5), fw::Error);
  CHECK_THROWS_AS(compare(r, r, kExact, -6), fw::Error);
}

TEST_CASE("tensor assertions: say what is wrong, and nothing when all is well") {
  const Tensor<double> r = normals({4, 16});
  Tensor<double> c = r;
  CHECK_CLOSE(c, r, kExact);
  CHECK_BITWISE_EQUAL(c, r);
  CHECK_ALL_FINITE(c);
  c[20] += 10;
  CHECK_NOT_CLOSE(c, r, kLoose);
  const std::string reason = fw::test::why_not_close(c, r, kLoose);
  CHECK(reason.find("worst row 1 of 4") != std::string::npos);
  CHECK(fw::test::why_not_bitwise_equal(c, r).find("flat index 20") != std::string::npos);
  c = r;
  c[3] = kNan;
  CHECK_FALSE(fw::test::why_not_finite(c).empty());
  CHECK_FALSE(fw::test::why_not_finite(Tensor<double>()).empty());
  CHECK(fw::test::why_not_bitwise_equal(c, c).empty());
  Tensor<double> plus(Shape{1}), minus(Shape{1}, -0.0);
  CHECK_FALSE(fw::test::why_not_bitwise_equal(plus, minus).empty());
}

TEST_SUITE_END();
