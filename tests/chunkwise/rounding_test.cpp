// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "chunkwise/rounding.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "core/random.h"

using namespace fw;
using namespace fw::chunkwise;
using Products = Rounding::Products;

namespace {

bool same(double a, double b) { return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof a) == 0; }

void check_all_types(double x) {
  CAPTURE(x);
  CHECK(same(fast_round_to_bf16(x), round_to(DType::bf16, x)));
  CHECK(same(fast_round_to_f16(x), round_to(DType::f16, x)));
  CHECK(same(fast_round_to_tf32(x), round_to_tf32(x)));
}

}  // namespace

TEST_SUITE_BEGIN("chunkwise");

TEST_CASE("rounding: matches core's conversions on random bits and random magnitudes") {
  const Random draw(11, "rounding");
  int differing = 0;
  for (std::uint64_t i = 0; i < 200000; ++i) {
    const double any = std::bit_cast<double>(draw.bits(i));
    const double near = std::ldexp(draw.normal(i), static_cast<int>(draw.bits(i) % 320) - 160);
    for (double x : {any, near}) {
      differing += !same(fast_round_to_bf16(x), round_to(DType::bf16, x));
      differing += !same(fast_round_to_f16(x), round_to(DType::f16, x));
      differing += !same(fast_round_to_tf32(x), round_to_tf32(x));
    }
  }
  CHECK(differing == 0);
}

TEST_CASE("rounding: matches core's conversions at zeros, ties, subnormals, overflow, infinities and NaN") {
  std::vector<double> edges = {
      0.0,   1.0,    65504.0, 65519.999, 65520.0,     65536.0, 3.3895313892515355e38, 3.4028234663852886e38, 3.4011621342146535e38,
      1e300, 5e-324, 1e-310,  HUGE_VAL,  std::nan("")};
  for (int exponent : {-160, -150, -149, -140, -137, -136, -134, -133, -127, -126, -125, -26, -25, -24, -15, -14, -13, 0, 15, 16, 127, 128})
    for (double mantissa : {1.0, 1 + 0x1p-7, 1 + 0x1p-8, 1 + 3 * 0x1p-8, 1 + 0x1p-10, 1 + 0x1p-11, 1 + 3 * 0x1p-11, 1 + 0x1p-8 + 0x1p-40,
                            2 - 0x1p-8, 2 - 0x1p-9, 2 - 0x1p-11, 2 - 0x1p-12, 2 - 0x1p-52, 1.5, 1.25})
      edges.push_back(std::ldexp(mantissa, exponent));
  for (double x : edges)
    for (double value : {x, -x, std::nextafter(x, 0.0), std::nextafter(x, HUGE_VAL)}) check_all_types(value);
}

TEST_CASE("rounding: float numbers take the values that double numbers take") {
  const Random draw(12, "rounding");
  for (Products products : {Products::bf16, Products::f16, Products::tf32}) {
    std::vector<float> narrow(2000);
    std::vector<double> wide(2000);
    for (std::size_t i = 0; i < wide.size(); ++i) {
      narrow[i] = static_cast<float>(std::ldexp(draw.normal(i), static_cast<int>(i % 60) - 40));
      wide[i] = narrow[i];
    }
    round_numbers(narrow.data(), 2000, products);
    round_numbers(wide.data(), 2000, products);
    int differing = 0;
    for (std::size_t i = 0; i < wide.size(); ++i) differing += !same(narrow[i], wide[i]);
    CHECK(differing == 0);
  }
}

TEST_CASE("rounding: an operand is the matrix itself when products are exact, else a rounded copy") {
  Matrix<double> m = Matrix<double>::Constant(6, 5, 1.0 / 3.0);
  const Operand<double> exact(m, {}), block(m.block(1, 2, 3, 2), {});
  CHECK((*exact).data() == m.data());
  CHECK((*block).data() == &m(1, 2));
  CHECK((*block)(2, 1) == m(3, 3));
  const Operand<double> rounded(m.block(1, 2, 3, 2), Rounding{Products::bf16, false});
  CHECK((*rounded).rows() == 3);
  CHECK((*rounded).cols() == 2);
  CHECK((*rounded)(2, 1) == round_to(DType::bf16, 1.0 / 3.0));
  CHECK(m(3, 3) == 1.0 / 3.0);
}

TEST_SUITE_END();
