// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Dense row-major tensors: `Tensor<T>` owns, `TensorView<T>` looks. The last axis is contiguous, as in [B,T,H,D];
// all index arithmetic is 64-bit. A default-constructed tensor is "absent" (an optional input that was not given),
// which differs from a tensor with zero elements (T = 0).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "core/dtype.h"
#include "core/error.h"

namespace fw {

/// Sizes of the axes. Products are checked: an element count past 2^63 throws.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<index_t> sizes) : sizes_(sizes) {}
  explicit Shape(std::vector<index_t> sizes) : sizes_(std::move(sizes)) {}

  index_t rank() const { return static_cast<index_t>(sizes_.size()); }
  /// Size of an axis; negative axes count from the end (-1 is the last).
  index_t operator[](index_t axis) const { return sizes_[static_cast<std::size_t>(axis < 0 ? axis + rank() : axis)]; }
  index_t numel() const;
  /// "[2,64,4,128]"
  std::string str() const;
  const std::vector<index_t>& sizes() const { return sizes_; }
  bool operator==(const Shape& other) const = default;

 private:
  std::vector<index_t> sizes_;
};

/// `bytes` of memory on a cache-line boundary, large pieces on huge pages where the system offers them; freed with that size.
void* allocate_lines(std::size_t bytes);
void free_lines(void* memory, std::size_t bytes);

/// Rows whose width is whole vectors are then read in whole vectors, and a large tensor needs few page faults.
template <class T>
struct LineAllocator {
  using value_type = T;
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) {}
  T* allocate(std::size_t n) {
    if (n > SIZE_MAX / sizeof(T)) throw std::bad_alloc();
    return static_cast<T*>(allocate_lines(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t n) { free_lines(p, n * sizeof(T)); }
  template <class U>
  bool operator==(const LineAllocator<U>&) const { return true; }
};

template <class T>
class TensorView {
 public:
  TensorView() = default;
  TensorView(T* data, Shape shape) : data_(data), shape_(std::move(shape)), defined_(true) {}

  bool defined() const { return defined_; }
  const Shape& shape() const { return shape_; }
  index_t numel() const { return defined_ ? shape_.numel() : 0; }
  T* data() const { return data_; }
  T& operator[](index_t flat) const { return data_[flat]; }
  template <class... I>
  T& operator()(I... i) const { return data_[offset(i...)]; }
  /// Pointer to the contiguous rest behind the leading indices: row(b,t,h) of [B,T,H,D] is its D elements.
  template <class... I>
  T* row(I... i) const { return data_ + offset(i...); }

 private:
  template <class... I>
  index_t offset(I... i) const {
    const index_t given[] = {static_cast<index_t>(i)...};
    index_t at = 0;
    for (index_t axis = 0; axis < shape_.rank(); ++axis)
      at = at * shape_[axis] + (axis < static_cast<index_t>(sizeof...(I)) ? given[axis] : 0);
    return at;
  }
  T* data_ = nullptr;
  Shape shape_;
  bool defined_ = false;
};

template <class T>
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Shape shape, T fill = T{})
      : data_(static_cast<std::size_t>(shape.numel()), fill), shape_(std::move(shape)), defined_(true) {}

  bool defined() const { return defined_; }
  const Shape& shape() const { return shape_; }
  index_t numel() const { return static_cast<index_t>(data_.size()); }
  T* data() { return data_.data(); }
  const T* data() const { return data_.data(); }
  T& operator[](index_t flat) { return data_[static_cast<std::size_t>(flat)]; }
  const T& operator[](index_t flat) const { return data_[static_cast<std::size_t>(flat)]; }
  TensorView<T> view() { return defined_ ? TensorView<T>(data_.data(), shape_) : TensorView<T>(); }
  TensorView<const T> view() const { return defined_ ? TensorView<const T>(data_.data(), shape_) : TensorView<const T>(); }
  template <class... I>
  T& operator()(I... i) { return (*this)[at(i...)]; }
  template <class... I>
  const T& operator()(I... i) const { return (*this)[at(i...)]; }
  template <class... I>
  T* row(I... i) { return data() + at(i...); }
  template <class... I>
  const T* row(I... i) const { return data() + at(i...); }
  void fill(const T& value) { data_.assign(data_.size(), value); }
  /// The same numbers under another shape with as many elements.
  Tensor reshaped(Shape shape) const {
    if (shape.numel() != numel()) throw Error("Tensor::reshaped: " + shape_.str() + " does not hold as many as " + shape.str());
    Tensor out = *this;
    out.shape_ = std::move(shape);
    return out;
  }

  template <class U>
  Tensor<U> cast() const {
    if (!defined_) return {};
    Tensor<U> out(shape_);
    for (index_t i = 0; i < numel(); ++i) out[i] = static_cast<U>((*this)[i]);
    return out;
  }

 private:
  template <class... I>
  index_t at(I... i) const {
    const index_t given[] = {static_cast<index_t>(i)...};
    index_t where = 0;
    for (index_t axis = 0; axis < shape_.rank(); ++axis)
      where = where * shape_[axis] + (axis < static_cast<index_t>(sizeof...(I)) ? given[axis] : 0);
    return where;
  }
  std::vector<T, LineAllocator<T>> data_;
  Shape shape_;
  bool defined_ = false;
};

/// A tensor whose element type is known only at run time (files, kernels): raw little-endian bytes.
class AnyTensor {
 public:
  AnyTensor() = default;
  AnyTensor(DType dtype, Shape shape);
  /// Round every element of `values` to `dtype`.
  static AnyTensor from(const Tensor<double>& values, DType dtype);
  static AnyTensor from_indices(const std::vector<index_t>& values);

  bool defined() const { return defined_; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  index_t numel() const { return defined_ ? shape_.numel() : 0; }
  std::vector<std::byte>& bytes() { return bytes_; }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  /// Element as double (exact for every floating type and for integers below 2^53).
  double at(index_t flat) const;
  Tensor<double> to_double() const;
  std::vector<index_t> to_indices() const;

 private:
  DType dtype_ = DType::f32;
  Shape shape_;
  std::vector<std::byte> bytes_;
  bool defined_ = false;
};

}  // namespace fw
