// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/tensor.h"

#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace fw {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20, kLine = 64;
/// From here on huge pages pay: the states of 16 heads of 128 x 128, decoded one layer after another, a third faster.
bool is_large(std::size_t bytes) { return bytes >= kHugePage / 2; }
std::align_val_t alignment_of(std::size_t bytes) { return std::align_val_t{is_large(bytes) ? kHugePage : kLine}; }
/// A last page that is at least half full becomes a whole one.
std::size_t rounded_up(std::size_t bytes) {
  return is_large(bytes) && bytes % kHugePage >= kHugePage / 2 ? (bytes / kHugePage + 1) * kHugePage : bytes;
}

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

template <class T>
void store(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof(T));
}

}  // namespace

void* allocate_lines(std::size_t bytes) {
  const std::size_t size = rounded_up(bytes);
  void* memory = ::operator new(size, alignment_of(bytes));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (is_large(bytes)) madvise(memory, size / kHugePage * kHugePage, MADV_HUGEPAGE);  // a hint: nothing is lost when it is refused
#endif
  return memory;
}

void free_lines(void* memory, std::size_t bytes) { ::operator delete(memory, alignment_of(bytes)); }

index_t Shape::numel() const {
  index_t n = 1;
  for (index_t size : sizes_) {
    if (size < 0) throw Error("Shape::numel: axis sizes must be >= 0, got " + str());
    if (__builtin_mul_overflow(n, size, &n)) throw Error("Shape::numel: element count exceeds 64 bits: " + str());
  }
  return n;
}

std::string Shape::str() const {
  std::string text = "[";
  for (std::size_t i = 0; i < sizes_.size(); ++i) text += (i ? "," : "") + std::to_string(sizes_[i]);
  return text + "]";
}

AnyTensor::AnyTensor(DType dtype, Shape shape) : dtype_(dtype), shape_(std::move(shape)), defined_(true) {
  bytes_.resize(static_cast<std::size_t>(shape_.numel()) * dtype_size(dtype_));
}

AnyTensor AnyTensor::from(const Tensor<double>& values, DType dtype) {
  AnyTensor out(dtype, values.shape());
  const std::size_t width = dtype_size(dtype);
  for (index_t i = 0; i < values.numel(); ++i) {
    std::byte* at = out.bytes_.data() + static_cast<std::size_t>(i) * width;
    switch (dtype) {
      case DType::f64: store(at, values[i]); break;
      case DType::f32: store(at, static_cast<float>(values[i])); break;
      case DType::bf16: store(at, bf16_bits(values[i])); break;
      case DType::f16: store(at, f16_bits(values[i])); break;
      case DType::i64: store(at, static_cast<std::int64_t>(values[i])); break;
      case DType::i32: store(at, static_cast<std::int32_t>(values[i])); break;
    }
  }
  return out;
}

AnyTensor AnyTensor::from_indices(const std::vector<index_t>& values) {
  AnyTensor out(DType::i64, Shape{static_cast<index_t>(values.size())});
  for (std::size_t i = 0; i < values.size(); ++i) store(out.bytes_.data() + i * 8, values[i]);
  return out;
}

double AnyTensor::at(index_t flat) const {
  const std::byte* at = bytes_.data() + static_cast<std::size_t>(flat) * dtype_size(dtype_);
  switch (dtype_) {
    case DType::f64: return load<double>(at);
    case DType::f32: return load<float>(at);
    case DType::bf16: return bf16_value(load<std::uint16_t>(at));
    case DType::f16: return f16_value(load<std::uint16_t>(at));
    case DType::i64: return static_cast<double>(load<std::int64_t>(at));
    case DType::i32: return load<std::int32_t>(at);
  }
  throw Error("AnyTensor::at: unknown dtype");
}

Tensor<double> AnyTensor::to_double() const {
  if (!defined_) return {};
  Tensor<double> out(shape_);
  if (dtype_ == DType::f64 && out.numel() > 0)
    std::memcpy(out.data(), bytes_.data(), static_cast<std::size_t>(out.numel()) * sizeof(double));
  else
    for (index_t i = 0; i < out.numel(); ++i) out[i] = at(i);
  return out;
}

std::vector<index_t> AnyTensor::to_indices() const {
  if (is_floating(dtype_))
    throw Error("AnyTensor::to_indices: expected i32 or i64 elements, got " + std::string(dtype_name(dtype_)));
  std::vector<index_t> out(static_cast<std::size_t>(numel()));
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = dtype_ == DType::i64 ? load<std::int64_t>(bytes_.data() + i * 8) : load<std::int32_t>(bytes_.data() + i * 4);
  return out;
}

}  // namespace fw
