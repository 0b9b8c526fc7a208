// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A buffer that starts on a cache line. Its elements are left as they come until somebody writes them (`zero` for those who
// need zeros); resizing to no more than before keeps the memory.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace fw::omp {

template <class T>
class Aligned {
 public:
  Aligned() = default;
  explicit Aligned(std::size_t size) { resize(size); }

  /// At least `size` elements; the contents are lost.
  void resize(std::size_t size) {
    if (size > capacity_) {
      const std::size_t bytes = (size * sizeof(T) + 63) / 64 * 64;
      data_.reset(static_cast<T*>(std::aligned_alloc(64, bytes)));
      capacity_ = data_ ? size : 0;
      if (!data_) throw std::bad_alloc();
    }
    size_ = size;
  }
  void zero() {
    if (size_ > 0) std::memset(static_cast<void*>(data_.get()), 0, size_ * sizeof(T));
  }
  std::size_t size() const { return size_; }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  T& operator[](std::size_t i) { return data_.get()[i]; }
  const T& operator[](std::size_t i) const { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace fw::omp
