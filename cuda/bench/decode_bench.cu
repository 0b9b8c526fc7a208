// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "cuda/bench/decode_bench.h"
#include "cuda/decode/tile.cuh"
#include "cuda/support/device_buffer.h"
#include "cuda/support/elements.cuh"

namespace fw::cuda {
namespace {

/// Numbers spread over (low, high), a hash of their position: noise, so that timings are not those of constant data.
template <class E>
__global__ void noise_kernel(E* to, std::size_t count, unsigned seed, float low, float high) {
  const std::size_t first = blockIdx.x * static_cast<std::size_t>(blockDim.x) + threadIdx.x, step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = first; i < count; i += step) {
    unsigned x = static_cast<unsigned>(i) * 2654435761u + seed;
    x ^= x >> 16, x *= 0x85ebca6bu, x ^= x >> 13, x *= 0xc2b2ae35u, x ^= x >> 16;
    to[i] = from_float<E>(low + (high - low) * (static_cast<float>(x >> 8) * 0x1p-24f));
  }
}
DeviceBuffer noise(DType dtype, index_t count, unsigned seed, float low, float high) {
  DeviceBuffer buffer(static_cast<std::size_t>(count) * dtype_size(dtype));
  const auto n = static_cast<std::size_t>(count);
  if (dtype == DType::bf16) noise_kernel<<<1024, 256>>>(buffer.as<__nv_bfloat16>(), n, seed, low, high);
  else if (dtype == DType::f16) noise_kernel<<<1024, 256>>>(buffer.as<__half>(), n, seed, low, high);
  else noise_kernel<<<1024, 256>>>(buffer.as<float>(), n, seed, low, high);
  check_launch("decode bench: launch of noise_kernel");
  return buffer;
}

/// The negatives of `from`, four float4 per thread, all under way at once. Loads and stores are those that decode makes of states.
constexpr unsigned kCopyThreads = 1024, kCopyFours = 4;
__global__ __launch_bounds__(kCopyThreads) void copy_kernel(const float* from, float* to) {
  const std::size_t first = 4 * (static_cast<std::size_t>(blockIdx.x) * kCopyFours * kCopyThreads + threadIdx.x);
  const std::uint64_t policy = decoding::until_written();
  float4 x[kCopyFours];
#pragma unroll
  for (unsigned i = 0; i < kCopyFours; ++i) x[i] = decoding::load_state<true>(true, from + first + 4 * i * kCopyThreads, 4, policy);
#pragma unroll
  for (unsigned i = 0; i < kCopyFours; ++i)
    decoding::store_state<true>(to + first + 4 * i * kCopyThreads, make_float4(-x[i].x, -x[i].y, -x[i].z, -x[i].w), 4);
}

/// Graph of what `enqueue` puts on a stream, replayed between events. It is enqueued once beforehand, so that kernels are loaded.
class Replay {
 public:
  explicit Replay(const std::function<void(Stream)>& enqueue) {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "decode bench: cudaStreamCreateWithFlags");
    check(cudaEventCreate(&begin_), "decode bench: cudaEventCreate");
    check(cudaEventCreate(&end_), "decode bench: cudaEventCreate");
    check(cudaDeviceSynchronize(), "decode bench: preparation");
    enqueue(stream_);
    check(cudaStreamSynchronize(stream_), "decode bench: first run");
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "decode bench: cudaStreamBeginCapture");
    enqueue(stream_);
    cudaGraph_t graph = nullptr;
    check(cudaStreamEndCapture(stream_, &graph), "decode bench: cudaStreamEndCapture");
    const cudaError_t status = cudaGraphInstantiate(&exec_, graph, 0);
    cudaGraphDestroy(graph);
    check(status, "decode bench: cudaGraphInstantiate");
  }
  ~Replay() {
    cudaGraphExecDestroy(exec_);
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
    cudaStreamDestroy(stream_);
  }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  /// Microseconds of each of `repeats` replays, sorted, after three that do not count.
  std::vector<double> times(int repeats) {
    std::vector<double> all;
    for (int i = -3; i < repeats; ++i) {
      check(cudaEventRecord(begin_, stream_), "decode bench: cudaEventRecord");
      check(cudaGraphLaunch(exec_, stream_), "decode bench: cudaGraphLaunch");
      check(cudaEventRecord(end_, stream_), "decode bench: cudaEventRecord");
      check(cudaEventSynchronize(end_), "decode bench: cudaEventSynchronize");
      float milliseconds = 0;
      check(cudaEventElapsedTime(&milliseconds, begin_, end_), "decode bench: cudaEventElapsedTime");
      if (i >= 0) all.push_back(1e3 * static_cast<double>(milliseconds));
    }
    std::sort(all.begin(), all.end());
    return all;
  }

 private:
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
  cudaGraphExec_t exec_ = nullptr;
};

std::size_t l2_bytes() {
  int device = 0, bytes = 0;
  check(cudaGetDevice(&device), "decode bench: cudaGetDevice");
  check(cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, device), "decode bench: cudaDeviceGetAttribute");
  return static_cast<std::size_t>(bytes);
}

}  // namespace

DecodeTiming time_decode(const Call& call, DecodeTiling tiling, bool rotated, int repeats) {
  if (repeats < 1) throw Error("time_decode: repeats must be at least 1, got " + std::to_string(repeats));
  const VariantInfo& row = info(call.options.variant);
  const index_t tokens = call.B * call.T;
  const index_t g_heads = call.g_heads == 0 ? call.H : call.g_heads, b_heads = call.b_heads == 0 ? call.H : call.b_heads;
  double bytes = 0;
  const auto drawn = [&](bool used, DType dtype, index_t count, unsigned seed, float low, float high) {
    if (!used) return DeviceBuffer();
    bytes += static_cast<double>(count) * static_cast<double>(dtype_size(dtype));
    return noise(dtype, count, seed, low, high);
  };
  const float key = call.options.l2norm_qk ? 1.0f : 1.7f / std::sqrt(static_cast<float>(call.Dk));
  const index_t keys = tokens * call.H * call.Dk, values = tokens * call.HV * call.Dv;
  const DeviceBuffer q = drawn(true, call.tensors, keys, 1, -key, key), k = drawn(true, call.tensors, keys, 2, -key, key);
  const DeviceBuffer v = drawn(true, call.tensors, values, 3, -1, 1), o = drawn(true, call.tensors, values, 4, -1, 1);
  const DeviceBuffer g = drawn(row.decay != Decay::none, call.g, tokens * g_heads * (row.decay == Decay::channel ? call.Dk : 1), 5, -0.5f, -0.01f);
  const DeviceBuffer b = drawn(row.erase == Erase::channel || row.erase == Erase::mean, call.tensors, tokens * b_heads * call.Dk, 6, 0, 1);
  const DeviceBuffer w = drawn(row.write == Write::channel || row.write == Write::mean, call.tensors, values, 7, 0, 1);
  const DeviceBuffer beta = drawn(row.erase == Erase::scalar || row.write == Write::scalar, call.tensors, tokens * call.HV, 8, 0, 1);

  const index_t numbers = call.B * call.HV * call.Dk * call.Dv;
  const std::size_t pool_bytes = static_cast<std::size_t>(numbers) * sizeof(float), wanted = 4 * l2_bytes();
  const int pools = rotated ? static_cast<int>(std::min<std::size_t>(256, wanted / pool_bytes + 1)) : 1;
  const int steps = std::max(pools, pool_bytes > wanted ? 4 : 32);
  std::vector<DeviceBuffer> states;
  for (int i = 0; i < pools; ++i) states.push_back(noise(DType::f32, numbers, static_cast<unsigned>(100 + i), -1, 1));
  std::vector<std::int32_t> order(static_cast<std::size_t>(call.B));
  for (index_t n = 0; n < call.B; ++n) order[static_cast<std::size_t>(n)] = static_cast<std::int32_t>((n * 7919 + 3) % call.B);
  if (std::gcd<index_t>(7919, call.B) != 1) std::iota(order.begin(), order.end(), 0);
  const DeviceBuffer slots(order);

  const Inputs in{q.data(), k.data(), v.data(), g.data(), b.data(), w.data(), beta.data()};
  Replay replay([&](Stream stream) {
    for (int i = 0; i < steps; ++i) {
      StatePool pool;
      pool.states = states[static_cast<std::size_t>(i % pools)].as<float>();
      pool.slots = call.B;
      pool.from = slots.as<std::int32_t>();
      decode(call, in, pool, o.data(), stream, tiling);
    }
  });
  const std::vector<double> all = replay.times(repeats);
  DecodeTiming timing;
  timing.median = all[all.size() / 2] / steps, timing.min = all.front() / steps, timing.max = all.back() / steps;
  timing.bytes = bytes + 2.0 * static_cast<double>(pool_bytes);
  timing.steps = steps, timing.repeats = repeats, timing.pools = pools;
  return timing;
}

double copy_bandwidth(Copy copy, int repeats) {
  constexpr std::size_t kBytes = std::size_t{1} << 29;
  const DeviceBuffer from = noise(DType::f32, static_cast<index_t>(kBytes / sizeof(float)), 9, -1, 1), to(copy == Copy::in_place ? 0 : kBytes);
  Replay replay([&](Stream stream) {
    if (copy == Copy::memcpy) {
      check(cudaMemcpyAsync(to.data(), from.data(), kBytes, cudaMemcpyDeviceToDevice, stream), "decode bench: cudaMemcpyAsync");
    } else {
      constexpr auto kBlocks = static_cast<unsigned>(kBytes / (sizeof(float4) * kCopyFours * kCopyThreads));
      copy_kernel<<<kBlocks, kCopyThreads, 0, stream>>>(from.as<float>(), copy == Copy::in_place ? from.as<float>() : to.as<float>());
      check_launch("decode bench: launch of copy_kernel");
    }
  });
  const std::vector<double> all = replay.times(repeats);
  return 2e-6 * static_cast<double>(kBytes) / all[all.size() / 2];
}

void print_decode_bench(std::FILE* out) {
  const double engine = copy_bandwidth(Copy::memcpy), apart = copy_bandwidth(Copy::apart), copy = copy_bandwidth(Copy::in_place);
  std::fprintf(out, "decode: one step in a chain, microseconds. 512 MiB read and written on this device, TB/s: cudaMemcpyAsync %.2f, by a kernel %.2f, "
               "in place %.2f\n", engine, apart, copy);
  std::fprintf(out, "%-11s %4s %2s %3s %9s %-9s %-9s %-7s %9s %9s %9s %6s %7s\n", "variant", "N", "T", "HV", "Dk x Dv", "layout", "tiling", "states",
               "median", "min", "max", "TB/s", "of copy");
  const auto line = [&](Variant variant, index_t N, index_t T, index_t width, StateLayout layout, DecodeTiling tiling, bool rotated) {
    Call call;
    call.options.variant = variant;
    call.options.l2norm_qk = true;
    call.B = N, call.T = T, call.H = call.HV = 16, call.Dk = call.Dv = width, call.state_layout = layout;
    const DecodeTiming time = time_decode(call, tiling, rotated);
    static constexpr const char* kTilings[] = {"automatic", "small", "medium", "large"};
    std::fprintf(out, "%-11s %4d %2d %3d %4dx%-4d %-9s %-9s %-7s %9.2f %9.2f %9.2f %6.2f %6.1f%%\n", std::string(info(variant).name).c_str(),
                 static_cast<int>(N), static_cast<int>(T), 16, static_cast<int>(width), static_cast<int>(width),
                 layout == StateLayout::key_value ? "key_value" : "value_key", kTilings[static_cast<int>(tiling)], rotated ? "rotated" : "hot",
                 time.median, time.min, time.max, time.terabytes_per_second(), 100 * time.terabytes_per_second() / copy);
    std::fflush(out);
  };
  constexpr DecodeTiling kAll[] = {DecodeTiling::small, DecodeTiling::medium, DecodeTiling::large};
  for (const StateLayout layout : {StateLayout::key_value, StateLayout::value_key}) {
    for (const index_t N : {512, 128, 32, 8, 1})
      for (const DecodeTiling tiling : kAll) line(Variant::gdn2, N, 1, 128, layout, tiling, true);
    for (const index_t N : {32, 8, 1}) line(Variant::gdn2, N, 1, 128, layout, DecodeTiling::automatic, false);
    for (const index_t N : {512, 8, 1}) line(Variant::gdn2, N, 1, 64, layout, DecodeTiling::automatic, true);
    for (const index_t T : {2, 4, 8})
      for (const index_t N : {128, 1}) line(Variant::gdn2, N, T, 128, layout, DecodeTiling::automatic, true);
    for (const Variant variant : {Variant::linear, Variant::gdn, Variant::kda})
      for (const index_t N : {512, 1}) line(variant, N, 1, 128, layout, DecodeTiling::automatic, true);
    line(Variant::gdn2, 128, 1, 100, layout, DecodeTiling::automatic, true);
    for (const DecodeTiling tiling : {DecodeTiling::medium, DecodeTiling::large}) line(Variant::gdn2, 128, 1, 256, layout, tiling, true);
  }
}

}  // namespace fw::cuda
