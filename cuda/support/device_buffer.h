// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Device memory that is freed with its owner, for tests, benchmarks and the program; the kernels' doors take plain pointers.
// Copies are synchronous.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "cuda/support/capture_gate.h"
#include "cuda/support/check.h"

namespace fw::cuda {

class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::size_t bytes) : bytes_(bytes) {
    const Disturbance gate;
    if (bytes > 0) check(cudaMalloc(&data_, bytes), "DeviceBuffer: cudaMalloc");
  }
  DeviceBuffer(const void* host, std::size_t bytes) : DeviceBuffer(bytes) { upload(host, bytes); }
  template <class T>
  explicit DeviceBuffer(const std::vector<T>& host) : DeviceBuffer(host.data(), host.size() * sizeof(T)) {}
  ~DeviceBuffer() {
    const Disturbance gate;
    cudaFree(data_);
  }
  DeviceBuffer(DeviceBuffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  std::size_t bytes() const { return bytes_; }
  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

  void upload(const void* host, std::size_t bytes) {
    fits(bytes);
    const Disturbance gate;
    if (bytes > 0) check(cudaMemcpy(data_, host, bytes, cudaMemcpyHostToDevice), "DeviceBuffer: copy to the device");
  }
  void download(void* host, std::size_t bytes) const {
    fits(bytes);
    const Disturbance gate;
    if (bytes > 0) check(cudaMemcpy(host, data_, bytes, cudaMemcpyDeviceToHost), "DeviceBuffer: copy from the device");
  }
  /// Sets every byte; 0xff makes every float of any width a NaN.
  void fill(int byte) {
    const Disturbance gate;
    if (bytes_ > 0) check(cudaMemset(data_, byte, bytes_), "DeviceBuffer: cudaMemset");
  }

 private:
  void fits(std::size_t bytes) const {
    if (bytes > bytes_) throw Error("DeviceBuffer: bytes must be at most " + std::to_string(bytes_) + ", got " + std::to_string(bytes));
  }
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace fw::cuda
