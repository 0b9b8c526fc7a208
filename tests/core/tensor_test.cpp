// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/tensor.h"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cmath>
#include <limits>

#include "support/check.h"

using namespace fw;

namespace {

/// Address space for a tensor of several GB of which only the pages that are touched exist.
struct Mapping {
  explicit Mapping(std::size_t size) : bytes(size), at(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  ~Mapping() {
    if (at != MAP_FAILED) ::munmap(at, bytes);
  }
  std::size_t bytes;
  void* at;
};

}  // namespace

TEST_SUITE("core") {
  TEST_CASE("tensor core: shapes") {
    const Shape shape{2, 64, 4, 128};
    CHECK(shape.rank() == 4);
    CHECK(shape[0] == 2);
    CHECK(shape[-1] == 128);
    CHECK(shape[-4] == 2);
    CHECK(shape.numel() == 65536);
    CHECK(shape.str() == "[2,64,4,128]");
    CHECK(Shape{}.numel() == 1);
    CHECK(Shape{}.str() == "[]");
    CHECK(Shape{3, 0, 5}.numel() == 0);
    CHECK(Shape{2, 3} != Shape{3, 2});
    CHECK(Shape{2, 3} != Shape{2, 3, 1});
  }

  TEST_CASE("tensor core: element counts are 64-bit and rejects overflow") {
    CHECK(Shape{65536, 65536}.numel() == index_t{1} << 32);
    CHECK(Shape{index_t{1} << 31, index_t{1} << 31}.numel() == index_t{1} << 62);
    CHECK_THROWS_WITH_AS((Shape{index_t{1} << 32, index_t{1} << 31}.numel()), doctest::Contains("exceeds 64 bits"), Error);
    CHECK_THROWS_AS((Shape{-1, 4}.numel()), Error);
    CHECK_THROWS_AS((Tensor<double>(Shape{index_t{1} << 62, 2})), Error);
  }

  TEST_CASE("tensor core: views address elements past 2^31 and 2^32") {
    const Shape shape{5, 1024, 4, 257, 1000};  // 5.26e9 elements
    const Mapping mapping(static_cast<std::size_t>(shape.numel()));
    if (mapping.at == MAP_FAILED) {
      MESSAGE("no address space for 5 GB: left out");
      return;
    }
    const TensorView<unsigned char> view(static_cast<unsigned char*>(mapping.at), shape);
    CHECK(view.numel() == 5263360000);
    view(4, 1023, 3, 256, 999) = 7;
    CHECK(view[5263359999] == 7);
    CHECK(view.row(4, 1023, 3, 256) - view.data() == 5263359000);
    CHECK(view.row(3) - view.data() == 3158016000);
    view[(index_t{1} << 31) + 5] = 9;
    CHECK(view.data()[(index_t{1} << 31) + 5] == 9);
    CHECK(view[5] == 0);
  }

  TEST_CASE("tensor core: row-major order, rows, views onto the same elements") {
    Tensor<double> t(Shape{2, 3, 4});
    for (index_t i = 0; i < t.numel(); ++i) t[i] = static_cast<double>(i);
    CHECK(t(1, 2, 3) == 23.0);
    CHECK(t(1, 0, 2) == 14.0);
    CHECK(t.row(1, 1) == t.data() + 16);
    CHECK(t.row(1) == t.data() + 12);
    t.view()(0, 0, 1) = -1.0;
    CHECK(t[1] == -1.0);
    const Tensor<double>& constant = t;
    CHECK(constant.view()(0, 0, 1) == -1.0);
    CHECK(constant(0, 0, 1) == -1.0);
    t.fill(2.0);
    CHECK(t(1, 2, 3) == 2.0);
    Tensor<double> copy = t;
    copy[0] = 0.0;
    CHECK(t[0] == 2.0);
  }

  TEST_CASE("tensor core: absent differs from empty") {
    const Tensor<double> absent, empty(Shape{2, 0, 4}), scalar(Shape{}, 3.0);
    CHECK_FALSE(absent.defined());
    CHECK_FALSE(absent.view().defined());
    CHECK(absent.numel() == 0);
    CHECK(absent.view().numel() == 0);
    CHECK_FALSE(absent.cast<float>().defined());
    CHECK(empty.defined());
    CHECK(empty.view().defined());
    CHECK(empty.numel() == 0);
    CHECK(empty.cast<float>().shape() == Shape{2, 0, 4});
    CHECK(scalar.numel() == 1);
    CHECK(scalar() == 3.0);
    CHECK_FALSE(AnyTensor().defined());
    CHECK_FALSE(AnyTensor().to_double().defined());
    CHECK(AnyTensor::from(empty, DType::bf16).defined());
    CHECK(AnyTensor::from(empty, DType::bf16).to_double().shape() == Shape{2, 0, 4});
  }

  TEST_CASE("tensor core: reshaped keeps the numbers and rejects another count") {
    Tensor<double> t(Shape{2, 6}, 1.0);
    t[7] = 5.0;
    CHECK(t.reshaped(Shape{3, 4})(1, 3) == 5.0);
    CHECK(t.reshaped(Shape{12})[7] == 5.0);
    CHECK(Tensor<double>(Shape{0, 3}).reshaped(Shape{7, 0}).defined());
    CHECK_THROWS_WITH_AS(t.reshaped(Shape{5}), doctest::Contains("[2,6] does not hold as many as [5]"), Error);
  }

  TEST_CASE("tensor core: typed bytes round once and read back exactly") {
    Tensor<double> t(Shape{4});
    t[0] = 0.1;
    t[1] = -3e-41;
    t[2] = std::nan("");
    t[3] = 1e39;
    for (DType dtype : {DType::f64, DType::f32, DType::bf16, DType::f16}) {
      CAPTURE(dtype_name(dtype));
      const AnyTensor any = AnyTensor::from(t, dtype);
      CHECK(any.bytes().size() == 4 * dtype_size(dtype));
      CHECK(any.at(0) == round_to(dtype, 0.1));
      CHECK(any.at(1) == round_to(dtype, -3e-41));
      CHECK(std::isnan(any.at(2)));
      CHECK(any.at(3) == round_to(dtype, 1e39));
      const AnyTensor again = AnyTensor::from(any.to_double(), dtype);
      CHECK(again.bytes() == any.bytes());
    }
  }

  TEST_CASE("tensor core: indices") {
    const std::vector<index_t> offsets = {0, -5, std::numeric_limits<index_t>::max(), std::numeric_limits<index_t>::min()};
    CHECK(AnyTensor::from_indices(offsets).to_indices() == offsets);
    Tensor<double> t(Shape{2});
    t[0] = -7;
    t[1] = 2147483647;
    CHECK(AnyTensor::from(t, DType::i32).to_indices() == std::vector<index_t>{-7, 2147483647});
    CHECK(AnyTensor::from(t, DType::i64).to_indices() == std::vector<index_t>{-7, 2147483647});
    CHECK_THROWS_AS(AnyTensor::from(t, DType::f32).to_indices(), Error);
  }
}
