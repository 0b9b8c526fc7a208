// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Runs a problem through the decode kernel: tensors rounded to their types and uploaded, states put into the slots of a pool
// that is NaN everywhere else, o and snapshots full of NaN with guard bytes behind them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/families.h"
#include "cuda/decode.h"
#include "cuda/support/device_buffer.h"
#include "support/results.h"
#include "support/sequences.h"

namespace fw::test {

struct DecodeSetup {
  DType tensors = DType::f32, g = DType::f32;
  cuda::StateLayout layout = cuda::StateLayout::key_value;
  cuda::DecodeTiling tiling = cuda::DecodeTiling::automatic;
  std::vector<std::int32_t> from = {}, to = {};  ///< empty: null
  index_t slots = 0;                   ///< 0: as many as sequences
  bool snapshots = false;
  bool askew = false;                  ///< every tensor one element away from its alignment
};

/// The problem with every number as the kernel gets it.
inline Problem rounded(Problem p, DType tensors, DType g) {
  for_each_input(p.in, [&](std::string_view name, Tensor<double>& x) {
    const bool single = name == "A_log" || name == "dt_bias" || name == "initial_state";
    for (index_t i = 0; i < x.numel(); ++i) x[i] = round_to(single ? DType::f32 : name == "g" ? g : tensors, x[i]);
  });
  return p;
}

/// Device memory for a tensor, guard bytes behind it, on request one element away from the start of the allocation.
class Placed {
 public:
  Placed() = default;
  Placed(std::size_t bytes, std::size_t shift) : memory_(bytes + kGuard + shift), bytes_(bytes), shift_(shift) { memory_.fill(0xff); }
  void* data() const { return memory_.as<char>() + shift_; }
  void upload(const void* host) {
    if (bytes_ > 0) cuda::check(cudaMemcpy(data(), host, bytes_, cudaMemcpyHostToDevice), "Placed: upload");
  }
  /// The bytes; sees to it that nothing was written behind them.
  std::vector<std::byte> download() const {
    std::vector<std::byte> all(memory_.bytes());
    memory_.download(all.data(), all.size());
    for (std::size_t i = shift_ + bytes_; i < all.size(); ++i)
      if (all[i] != std::byte{0xff}) throw Error("Placed: written behind the tensor at byte " + std::to_string(i - shift_ - bytes_));
    return {all.begin() + static_cast<std::ptrdiff_t>(shift_), all.begin() + static_cast<std::ptrdiff_t>(shift_ + bytes_)};
  }

 private:
  static constexpr std::size_t kGuard = 256;
  cuda::DeviceBuffer memory_;
  std::size_t bytes_ = 0, shift_ = 0;
};

/// The last two axes exchanged.
inline Tensor<float> transposed(const Tensor<float>& x) {
  std::vector<index_t> sizes = x.shape().sizes();
  const index_t rows = x.shape()[-2], columns = x.shape()[-1];
  std::swap(sizes[sizes.size() - 1], sizes[sizes.size() - 2]);
  Tensor<float> out{Shape(sizes)};
  for (index_t m = 0; m < x.numel() / (rows * columns); ++m)
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = 0; j < columns; ++j) out[(m * columns + j) * rows + i] = x[(m * rows + i) * columns + j];
  return out;
}

/// A problem on the device. step() may be called again and again: states go on from where they are.
class DecodeRun {
 public:
  DecodeRun(const Problem& problem, const DecodeSetup& setup) : setup_(setup) {
    const Shape &q = problem.in.q.shape(), &v = problem.in.v.shape();
    call.options = problem.options;
    call.B = q[0], call.T = q[1], call.H = q[2], call.HV = v[2], call.Dk = q[3], call.Dv = v[3];
    call.tensors = setup.tensors, call.g = setup.g, call.state_layout = setup.layout;
    if (problem.in.g.defined()) call.g_heads = problem.in.g.shape()[2];
    if (problem.in.b.defined()) call.b_heads = problem.in.b.shape()[2];
    in.q = tensor(problem.in.q, setup.tensors), in.k = tensor(problem.in.k, setup.tensors), in.v = tensor(problem.in.v, setup.tensors);
    in.g = tensor(problem.in.g, setup.g), in.b = tensor(problem.in.b, setup.tensors), in.w = tensor(problem.in.w, setup.tensors);
    in.beta = tensor(problem.in.beta, setup.tensors);
    in.A_log = static_cast<const float*>(tensor(problem.in.A_log, DType::f32));
    in.dt_bias = static_cast<const float*>(tensor(problem.in.dt_bias, DType::f32));
    in.dt_bias_numel = problem.in.dt_bias.numel();

    pool.slots = setup.slots == 0 ? call.B : setup.slots;
    Tensor<float> states({pool.slots, call.HV, call.Dk, call.Dv});
    std::memset(states.data(), 0xff, static_cast<std::size_t>(states.numel()) * sizeof(float));
    const index_t size = call.HV * call.Dk * call.Dv;
    for (index_t n = 0; n < call.B; ++n) {
      const index_t slot = setup.from.empty() ? n : setup.from[static_cast<std::size_t>(n)];
      if (slot < 0 || slot >= pool.slots) continue;
      for (index_t i = 0; i < size; ++i)
        states[slot * size + i] = problem.in.initial_state.defined() ? static_cast<float>(problem.in.initial_state[n * size + i]) : 0.0f;
    }
    if (setup.layout == cuda::StateLayout::value_key) states = transposed(states);
    states_ = place(static_cast<std::size_t>(states.numel()) * sizeof(float), sizeof(float));
    states_.upload(states.data());
    pool.states = static_cast<float*>(states_.data());
    from_ = cuda::DeviceBuffer(setup.from), to_ = cuda::DeviceBuffer(setup.to);
    pool.from = from_.as<std::int32_t>(), pool.to = to_.as<std::int32_t>();
    o_ = place(static_cast<std::size_t>(call.B * call.T * call.HV * call.Dv) * dtype_size(setup.tensors), dtype_size(setup.tensors));
    if (setup.snapshots) {
      snapshots_ = place(static_cast<std::size_t>(call.B * call.T * size) * sizeof(float), sizeof(float));
      pool.snapshots = static_cast<float*>(snapshots_.data());
    }
  }

  void enqueue(cuda::Stream stream = nullptr) { cuda::decode(call, in, pool, o_.data(), stream, setup_.tiling); }
  void step() {
    enqueue();
    cuda::check(cudaDeviceSynchronize(), "DecodeRun::step");
  }

  Tensor<double> o() const {
    AnyTensor out(setup_.tensors, {call.B, call.T, call.HV, call.Dv});
    out.bytes() = o_.download();
    return out.to_double();
  }
  /// [slots,HV,Dk,Dv] whatever the layout
  Tensor<float> states() const { return floats(states_, {pool.slots}); }
  /// [N,T,HV,Dk,Dv]
  Tensor<float> snapshots() const { return floats(snapshots_, {call.B, call.T}); }

  cuda::Call call;
  cuda::Inputs in;
  cuda::StatePool pool;

 private:
  Placed place(std::size_t bytes, std::size_t element) const { return {bytes, setup_.askew ? element : 0}; }
  const void* tensor(const Tensor<double>& x, DType dtype) {
    if (!x.defined()) return nullptr;
    const AnyTensor narrow = AnyTensor::from(x, dtype);
    tensors_.push_back(place(narrow.bytes().size(), dtype_size(dtype)));
    tensors_.back().upload(narrow.bytes().data());
    return tensors_.back().data();
  }
  Tensor<float> floats(const Placed& memory, std::vector<index_t> sizes) const {
    const bool turned = setup_.layout == cuda::StateLayout::value_key;
    for (const index_t axis : {call.HV, turned ? call.Dv : call.Dk, turned ? call.Dk : call.Dv}) sizes.push_back(axis);
    Tensor<float> out{Shape(sizes)};
    const std::vector<std::byte> bytes = memory.download();
    std::memcpy(out.data(), bytes.data(), bytes.size());
    return turned ? transposed(out) : out;
  }
  DecodeSetup setup_;
  std::vector<Placed> tensors_;
  Placed states_, o_, snapshots_;
  cuda::DeviceBuffer from_, to_;
};

/// Largest rounding of a stored number, relative to it.
inline double half_unit(DType dtype) { return std::ldexp(1.0, dtype == DType::bf16 ? -8 : dtype == DType::f16 ? -11 : -24); }

/// Yardstick: three times the error of the naive loop in float, at least eight units of 2^-24, and the rounding of the stored type.
inline void check_as_good_as_float(const Tensor<double>& candidate, const Tensor<double>& truth, const Tensor<float>& narrow, DType stored) {
  const Comparison yardstick = compare(narrow.cast<double>(), truth, {});
  const double floor = std::ldexp(8.0, -24);
  CHECK_CLOSE(candidate, truth,
              Tolerance{std::fmax(3 * yardstick.rel_l2, floor) + half_unit(stored), std::fmax(3 * yardstick.worst_row, 4 * floor) + half_unit(stored)});
}

/// o and states against naive in double on the same rounded numbers.
inline void check_decode(Variant variant, const std::string& shape, const DecodeSetup& setup, const std::string& family = "mixed") {
  CAPTURE(info(variant).name);
  CAPTURE(shape);
  CAPTURE(family);
  CAPTURE(dtype_name(setup.tensors));
  CAPTURE(dtype_name(setup.g));
  CAPTURE(static_cast<int>(setup.layout));
  CAPTURE(static_cast<int>(setup.tiling));
  const Problem p = rounded(make_problem(variant, ProblemShape::parse(shape), family, 5), setup.tensors, setup.g);
  const Outputs<double> truth = naive::forward(p.in, p.options);
  const Outputs<float> narrow = naive::forward(cast_inputs<float>(p.in), p.options);
  DecodeRun run(p, setup);
  run.step();
  check_as_good_as_float(run.o(), truth.o, narrow.o, setup.tensors);
  check_as_good_as_float(run.states().cast<double>(), truth.final_state, narrow.final_state, DType::f32);
}

inline constexpr cuda::StateLayout kLayouts[] = {cuda::StateLayout::key_value, cuda::StateLayout::value_key};
inline constexpr cuda::DecodeTiling kTilings[] = {cuda::DecodeTiling::small, cuda::DecodeTiling::medium, cuda::DecodeTiling::large};

}  // namespace fw::test
