// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A buffer that starts on a cache line. Its elements are left as they come until somebody writes them (`zero` for those who
// need zeros); resizing to no more than before keeps the memory.
#pragma once

#include <cstring>
#include <utility>

#include "core/tensor.h"

namespace fw::omp {

template <class T>
class Aligned {
 public:
  Aligned() = default;
  explicit Aligned(std::size_t size) { resize(size); }
  Aligned(Aligned&& other) noexcept { swap(other); }
  Aligned& operator=(Aligned&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Aligned() { free_lines(data_, capacity_ * sizeof(T)); }

  /// At least `size` elements; the contents are lost.
  void resize(std::size_t size) {
    if (size > capacity_) {
      T* fresh = static_cast<T*>(allocate_lines(size * sizeof(T)));
      free_lines(std::exchange(data_, fresh), std::exchange(capacity_, size) * sizeof(T));
    }
    size_ = size;
  }
  void zero() {
    if (size_ > 0) std::memset(static_cast<void*>(data_), 0, size_ * sizeof(T));
  }
  std::size_t size() const { return size_; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }

 private:
  void swap(Aligned& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  T* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace fw::omp
