// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "cuda/bench/path_bench.h"

#include <algorithm>
#include <vector>

#include "cuda/support/device_buffer.h"
#include "cuda/support/elements.cuh"

namespace fw::cuda {
namespace {

template <class E>
__global__ void draw_kernel(E* to, std::size_t count, unsigned seed, float low, float high) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = blockIdx.x * static_cast<std::size_t>(blockDim.x) + threadIdx.x; i < count; i += step) {
    unsigned x = static_cast<unsigned>(i) * 2654435761u + static_cast<unsigned>(i >> 32) * 40503u + seed;
    x ^= x >> 16, x *= 0x85ebca6bu, x ^= x >> 13, x *= 0xc2b2ae35u, x ^= x >> 16;
    to[i] = from_float<E>(low + (high - low) * (static_cast<float>(x >> 8) * 0x1p-24f));
  }
}
DeviceBuffer drawn(index_t numbers, DType dtype, unsigned seed, float low, float high) {
  const auto count = static_cast<std::size_t>(numbers);
  DeviceBuffer out(count * dtype_size(dtype));
  if (dtype == DType::bf16) draw_kernel<<<1024, 256>>>(out.as<__nv_bfloat16>(), count, seed, low, high);
  else if (dtype == DType::f16) draw_kernel<<<1024, 256>>>(out.as<__half>(), count, seed, low, high);
  else draw_kernel<<<1024, 256>>>(out.as<float>(), count, seed, low, high);
  check_launch("path bench: draw");
  return out;
}

/// Milliseconds of single launches of a graph, sorted; before each, more than the L2 holds is written elsewhere.
template <class F>
std::vector<double> graph_times(F&& enqueue, int repeats) {
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t launchable;
  cudaEvent_t begin, end;
  check(cudaStreamCreate(&stream), "path bench: stream");
  enqueue(stream);
  check(cudaStreamSynchronize(stream), "path bench: first run");
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "path bench: capture");
  enqueue(stream);
  check(cudaStreamEndCapture(stream, &graph), "path bench: capture");
  check(cudaGraphInstantiate(&launchable, graph, 0), "path bench: graph");
  check(cudaEventCreate(&begin), "path bench: event");
  check(cudaEventCreate(&end), "path bench: event");
  const DeviceBuffer flush(std::size_t{256} << 20);
  std::vector<double> times;
  for (int i = 0; i < repeats + 2; ++i) {
    check(cudaMemsetAsync(flush.data(), i, flush.bytes(), stream), "path bench: flush");
    check(cudaEventRecord(begin, stream), "path bench: event");
    check(cudaGraphLaunch(launchable, stream), "path bench: launch");
    check(cudaEventRecord(end, stream), "path bench: event");
    check(cudaStreamSynchronize(stream), "path bench: run");
    float ms = 0;
    check(cudaEventElapsedTime(&ms, begin, end), "path bench: time");
    if (i >= 2) times.push_back(ms);
  }
  cudaEventDestroy(begin), cudaEventDestroy(end), cudaGraphExecDestroy(launchable), cudaGraphDestroy(graph), cudaStreamDestroy(stream);
  std::sort(times.begin(), times.end());
  return times;
}

}  // namespace

std::string device_name() {
  cudaDeviceProp properties{};
  int device = 0;
  check(cudaGetDevice(&device), "path bench: device");
  check(cudaGetDeviceProperties(&properties, device), "path bench: device");
  return properties.name;
}

PathTime time_path(const PathCase& what) {
  const VariantInfo& row = info(what.variant);
  Call call;
  call.options.variant = what.variant;
  call.B = what.B, call.T = what.T, call.H = call.HV = call.g_heads = call.b_heads = what.H, call.Dk = what.Dk, call.Dv = what.Dv, call.N = what.B;
  call.tensors = what.tensors, call.g = what.g, call.precision = what.precision;
  const index_t rows = what.B * what.T * what.H, keys = rows * what.Dk, values = rows * what.Dv, states = what.B * what.H * what.Dk * what.Dv;
  const index_t decays = row.decay == Decay::none ? 0 : row.decay == Decay::scalar ? rows : keys;
  const bool gates = row.erase == Erase::channel || row.erase == Erase::mean, writes = row.write == Write::channel || row.write == Write::mean;
  const bool one = row.erase == Erase::scalar || row.write == Write::scalar;
  const auto size = static_cast<double>(dtype_size(what.tensors)), g_size = static_cast<double>(dtype_size(what.g));
  const DeviceBuffer q = drawn(keys, what.tensors, 1, -0.1f, 0.1f), k = drawn(keys, what.tensors, 2, -0.15f, 0.15f), v = drawn(values, what.tensors, 3, -1.0f, 1.0f);
  const DeviceBuffer g = drawn(decays, what.g, 4, -0.1f, 0.0f), b = drawn(gates ? keys : 0, what.tensors, 5, 0.0f, 1.0f), w = drawn(writes ? values : 0, what.tensors, 6, 0.0f, 1.0f);
  const DeviceBuffer beta = drawn(one ? rows : 0, what.tensors, 7, 0.0f, 1.0f), d_o = drawn(what.backward ? values : 0, what.tensors, 8, -1.0f, 1.0f);
  Inputs in;
  in.q = q.data(), in.k = k.data(), in.v = v.data();
  if (decays > 0) in.g = g.data();
  if (gates) in.b = b.data();
  if (writes) in.w = w.data();
  if (one) in.beta = beta.data();
  const auto bytes = [](double x) { return static_cast<std::size_t>(x); };
  const DeviceBuffer o(bytes(values * size)), last(static_cast<std::size_t>(states) * 4);
  const Outputs out{o.data(), last.as<float>()};
  const std::size_t saved_size = what.backward ? saved_bytes(call) : 0, workspace_size = what.backward ? backward_workspace_bytes(call, true) : forward_workspace_bytes(call);
  const DeviceBuffer saved(saved_size), workspace(workspace_size);
  const double back = what.backward ? 1.0 : 0.0;
  const DeviceBuffer dq(bytes(back * keys * size)), dk(bytes(back * keys * size)), dv(bytes(back * values * size)), dg(bytes(back * decays * g_size));
  const DeviceBuffer db(bytes(gates ? back * keys * size : 0)), dw(bytes(writes ? back * values * size : 0)), dbeta(bytes(one ? back * rows * size : 0));
  Gradients gradients;
  gradients.dq = dq.data(), gradients.dk = dk.data(), gradients.dv = dv.data();
  if (decays > 0) gradients.dg = dg.data();
  if (gates) gradients.db = db.data();
  if (writes) gradients.dw = dw.data();
  if (one) gradients.dbeta = dbeta.data();
  Upstream up;
  up.d_o = d_o.data();
  check(cudaDeviceSynchronize(), "path bench: inputs");
  const std::vector<double> ms = graph_times(
      [&](cudaStream_t stream) {
        forward(call, in, out, what.backward ? saved.data() : nullptr, workspace.data(), stream);
        if (what.backward) backward(call, in, up, gradients, {saved.data(), true}, workspace.data(), stream);
      },
      what.repeats);
  PathTime time;
  time.median_ms = ms[ms.size() / 2], time.least_ms = ms.front(), time.most_ms = ms.back();
  const double inputs = size * (2.0 * keys + values + (gates ? keys : 0) + (writes ? values : 0) + (one ? rows : 0)) + g_size * decays, results = size * values + 4.0 * states;
  time.bytes = inputs + results + (what.backward ? 2.0 * inputs + size * values : 0.0);
  time.extra_bytes = static_cast<double>(workspace_size + saved_size);
  return time;
}

}  // namespace fw::cuda
