// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Three kernels. Key side: a warp has one token of a key head, eight channels a lane at most, and adds its value heads in order.
// Value side: a warp has one token of a value head. Sums over tokens (dA_log, ddt_bias): a block has a head and a slab of tokens and
// adds in double; the slabs are then added in order.
//   dq = |q|^-1 (dq' - q' (q' . dq')) with q' = q / |q|, dk alike with dk' = dk + b (.) de;   db = de (.) k' slope;   dw = dz (.) v slope
//   softplus  g = -A sp(x): dx = -A sigmoid(x) dg, dA_log = g dg     bounded  g = lower s(A x): dx = lower A s s' dg, dA_log = x dx
// where x = raw + dt_bias, A = exp(A_log), and slopes of sigmoids are s(x) s(-x), right where they are flat.
#include "cuda/gradients/finish.h"

#include <cmath>

#include "cuda/support/check.h"
#include "cuda/support/elements.cuh"
#include "cuda/support/warp.cuh"

namespace fw::cuda::gradients {
namespace {

constexpr int kWarps = 8, kSlabs = 64, kPerLane = 8;  ///< kPerLane: channels of a lane, Dk <= 256

struct FinishParams {
  Inputs in;
  Effective d;
  Gradients out;
  index_t tokens;
  int H, HV, Dk, Dv, g_heads, b_heads;
  Decay decay;
  Erase erase;
  Write write;
  DecayActivation activation;
  bool l2norm, sigmoid, g_is_float, bias_per_channel;
  float eps, gain, lower, q_scale;  ///< q_scale: of dq
  double* partial;                  ///< [kSlabs][g_heads][Dk + 1]: ddt_bias of channels, dA_log
};

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
struct Gate {
  float value, slope;
};
__device__ __forceinline__ Gate gate_of(const FinishParams& p, float raw, float gain) {
  if (!p.sigmoid) return {raw, 1.0f};
  const float s = sigmoid(raw);
  return {gain * s, gain * s * sigmoid(-raw)};
}
template <class X>
__device__ __forceinline__ float read(const void* tensor, index_t i) { return to_float(static_cast<const X*>(tensor)[i]); }
template <class X>
__device__ __forceinline__ void write(void* tensor, index_t i, float x) {
  if (tensor != nullptr) static_cast<X*>(tensor)[i] = from_float<X>(x);
}

/// d raw and d A_log per dg, of one raw g.
struct DecaySlope {
  float raw, A_log;
};
template <class X>
__device__ __forceinline__ float read_g(const FinishParams& p, index_t i) { return p.g_is_float ? static_cast<const float*>(p.in.g)[i] : read<X>(p.in.g, i); }
template <class X>
__device__ __forceinline__ DecaySlope decay_slope(const FinishParams& p, index_t token, int head, int channel) {
  if (p.activation == DecayActivation::none) return {1.0f, 0.0f};
  const float bias = p.in.dt_bias == nullptr ? 0.0f : p.bias_per_channel ? p.in.dt_bias[head * p.Dk + channel] : p.in.dt_bias[head];
  const index_t row = token * p.g_heads + head;
  const float x = read_g<X>(p, p.decay == Decay::channel ? row * p.Dk + channel : row) + bias, A = expf(p.in.A_log[head]);
  if (p.activation == DecayActivation::softplus) return {-A * sigmoid(x), -A * ((x > 0.0f ? x : 0.0f) + log1pf(expf(-fabsf(x))))};
  const float slope = p.lower * A * sigmoid(A * x) * sigmoid(-A * x);
  return {slope, slope * x};
}

template <class X>
__global__ void __launch_bounds__(32 * kWarps) keys_kernel(const FinishParams p) {
  const index_t item = static_cast<index_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (item >= p.tokens * p.H) return;
  const index_t token = item / p.H;
  const int h = static_cast<int>(item % p.H), lane = threadIdx.x % 32, group = p.HV / p.H;
  float q[kPerLane], k[kPerLane], dq[kPerLane] = {}, dk[kPerLane] = {}, db[kPerLane] = {}, dg[kPerLane] = {};
  float qq = 0.0f, kk = 0.0f;
#pragma unroll
  for (int n = 0; n < kPerLane; ++n) {
    const int c = lane + 32 * n;
    const bool there = c < p.Dk;
    q[n] = there ? read<X>(p.in.q, item * p.Dk + c) : 0.0f, k[n] = there ? read<X>(p.in.k, item * p.Dk + c) : 0.0f;
    qq += q[n] * q[n], kk += k[n] * k[n];
  }
  float norm_q = 1.0f, norm_k = 1.0f;
  if (p.l2norm) {
    qq = lane_sum(qq) + p.eps, kk = lane_sum(kk) + p.eps;
    norm_q = qq == 0.0f ? 0.0f : 1.0f / sqrtf(qq), norm_k = kk == 0.0f ? 0.0f : 1.0f / sqrtf(kk);
  }
  for (int j = 0; j < group; ++j) {
    const int hv = h * group + j, b_head = p.b_heads == p.HV ? hv : h, g_head = p.g_heads == p.HV ? hv : h;
    const index_t value = token * p.HV + hv, first = value * p.Dk, gate = (token * p.b_heads + b_head) * p.Dk;
    const bool gates = p.erase == Erase::channel || p.erase == Erase::mean;
    const bool last_of_b = p.b_heads == p.HV || j == group - 1, last_of_g = p.g_heads == p.HV || j == group - 1;
    float one = 0.0f, sum = 0.0f;  // the one erase gate, and the sum over channels of de k
    if (p.erase == Erase::mean) {
      for (int c = lane; c < p.Dk; c += 32) one += gate_of(p, read<X>(p.in.b, gate + c), p.gain).value;
      one = lane_sum(one) / static_cast<float>(p.Dk);
    }
    if (p.erase == Erase::scalar) one = gate_of(p, read<X>(p.in.beta, value), p.gain).value;
#pragma unroll
    for (int n = 0; n < kPerLane; ++n) {
      const int c = lane + 32 * n;
      if (c >= p.Dk) continue;
      dq[n] += p.q_scale * p.d.dq[first + c];
      dk[n] += p.d.dk[first + c];
      if (p.erase != Erase::none) {
        const float de = p.d.de[first + c], along = de * k[n] * norm_k;
        dk[n] += de * (p.erase == Erase::channel ? gate_of(p, read<X>(p.in.b, gate + c), p.gain).value : one);
        sum += along;
        if (p.erase == Erase::channel) db[n] += along;
      }
      if (p.decay != Decay::none) dg[n] += p.d.dg[first + c];
    }
    if (p.erase == Erase::mean || p.erase == Erase::scalar) sum = lane_sum(sum);
    if (p.erase == Erase::mean)
#pragma unroll
      for (int n = 0; n < kPerLane; ++n) db[n] += sum / static_cast<float>(p.Dk);
    if (p.erase == Erase::scalar && lane == 0 && p.write != Write::scalar) write<X>(p.out.dbeta, value, sum * gate_of(p, read<X>(p.in.beta, value), p.gain).slope);
    if (gates && last_of_b && p.out.db != nullptr)
#pragma unroll
      for (int n = 0; n < kPerLane; ++n) {
        const int c = lane + 32 * n;
        if (c < p.Dk) write<X>(p.out.db, gate + c, db[n] * gate_of(p, read<X>(p.in.b, gate + c), p.gain).slope);
      }
    if (gates && last_of_b)
#pragma unroll
      for (int n = 0; n < kPerLane; ++n) db[n] = 0.0f;
    if (p.decay == Decay::none || !last_of_g) continue;
    if (p.out.dg != nullptr) {
      const index_t row = token * p.g_heads + g_head;
      const auto put = [&](index_t i, float x) {
        if (p.g_is_float) static_cast<float*>(p.out.dg)[i] = x;
        else write<X>(p.out.dg, i, x);
      };
      float all = 0.0f;
#pragma unroll
      for (int n = 0; n < kPerLane; ++n) {
        const int c = lane + 32 * n;
        all += dg[n];
        if (p.decay == Decay::channel && c < p.Dk) put(row * p.Dk + c, dg[n] * decay_slope<X>(p, token, g_head, c).raw);
      }
      all = lane_sum(all);
      if (p.decay == Decay::scalar && lane == 0) put(row, all * decay_slope<X>(p, token, g_head, 0).raw);
    }
#pragma unroll
    for (int n = 0; n < kPerLane; ++n) dg[n] = 0.0f;
  }
  float q_along = 0.0f, k_along = 0.0f;
  if (p.l2norm) {
#pragma unroll
    for (int n = 0; n < kPerLane; ++n) q_along += q[n] * norm_q * dq[n], k_along += k[n] * norm_k * dk[n];
    q_along = lane_sum(q_along), k_along = lane_sum(k_along);
  }
#pragma unroll
  for (int n = 0; n < kPerLane; ++n) {
    const int c = lane + 32 * n;
    if (c >= p.Dk) continue;
    write<X>(p.out.dq, item * p.Dk + c, norm_q * (dq[n] - q[n] * norm_q * q_along));
    write<X>(p.out.dk, item * p.Dk + c, norm_k * (dk[n] - k[n] * norm_k * k_along));
  }
}

template <class X>
__global__ void __launch_bounds__(32 * kWarps) values_kernel(const FinishParams p) {
  const index_t item = static_cast<index_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (item >= p.tokens * p.HV) return;
  const int lane = threadIdx.x % 32;
  const index_t first = item * p.Dv;
  Gate one = {1.0f, 0.0f};
  if (p.write == Write::scalar) one = gate_of(p, read<X>(p.in.beta, item), p.gain);
  if (p.write == Write::mean) {
    float sum = 0.0f;
    for (int c = lane; c < p.Dv; c += 32) sum += gate_of(p, read<X>(p.in.w, first + c), 1.0f).value;
    one.value = lane_sum(sum) / static_cast<float>(p.Dv);
  }
  float along = 0.0f;
  for (int c = lane; c < p.Dv; c += 32) {
    const float dz = p.d.dz[first + c], v = read<X>(p.in.v, first + c);
    Gate w = one;
    if (p.write == Write::channel) w = gate_of(p, read<X>(p.in.w, first + c), 1.0f);
    write<X>(p.out.dv, first + c, dz * w.value);
    if (p.write == Write::channel) write<X>(p.out.dw, first + c, dz * v * w.slope);
    along += dz * v;
  }
  if (p.write != Write::scalar && p.write != Write::mean) return;
  along = lane_sum(along);
  if (p.write == Write::mean)
    for (int c = lane; c < p.Dv; c += 32) write<X>(p.out.dw, first + c, along / static_cast<float>(p.Dv) * gate_of(p, read<X>(p.in.w, first + c), 1.0f).slope);
  if (p.write != Write::scalar) return;
  if (p.erase == Erase::scalar) {  // the same number erases: de . k of this value head
    const index_t token = item / p.HV, key = (token * p.H + item % p.HV / (p.HV / p.H)) * p.Dk;
    float sum = 0.0f, kk = 0.0f;
    for (int c = lane; c < p.Dk; c += 32) {
      const float k = read<X>(p.in.k, key + c);
      sum += p.d.de[item * p.Dk + c] * k, kk += k * k;
    }
    sum = lane_sum(sum);
    if (p.l2norm) {
      kk = lane_sum(kk) + p.eps;
      sum *= kk == 0.0f ? 0.0f : 1.0f / sqrtf(kk);
    }
    along += sum;
  }
  if (lane == 0) write<X>(p.out.dbeta, item, along * one.slope);
}

template <class X>
__global__ void __launch_bounds__(256) token_sums_kernel(const FinishParams p) {
  const int head = blockIdx.y, slab = blockIdx.x, channel = threadIdx.x, group = p.HV / p.g_heads;
  const index_t from = p.tokens * slab / kSlabs, to = p.tokens * (slab + 1) / kSlabs;
  double bias = 0, A_log = 0;
  if (channel < p.Dk)
    for (index_t token = from; token < to; ++token) {
      float dg = 0.0f;
      for (int j = 0; j < group; ++j) dg += p.d.dg[(token * p.HV + head * group + j) * p.Dk + channel];
      const DecaySlope slope = decay_slope<X>(p, token, head, channel);
      bias += static_cast<double>(dg) * slope.raw, A_log += static_cast<double>(dg) * slope.A_log;
    }
  __shared__ double sums[256];
  sums[channel] = A_log;
  __syncthreads();
  double* out = p.partial + (static_cast<index_t>(slab) * p.g_heads + head) * (p.Dk + 1);
  if (channel < p.Dk) out[channel] = bias;
  if (channel == 0) {
    double all = 0;
    for (int c = 0; c < p.Dk; ++c) all += sums[c];
    out[p.Dk] = all;
  }
}
__global__ void __launch_bounds__(288) slab_sums_kernel(const FinishParams p) {
  const int head = blockIdx.x, channel = threadIdx.x;
  __shared__ double sums[288];
  double sum = 0;
  if (channel <= p.Dk)
    for (int slab = 0; slab < kSlabs; ++slab) sum += p.partial[(static_cast<index_t>(slab) * p.g_heads + head) * (p.Dk + 1) + channel];
  sums[channel] = sum;
  __syncthreads();
  if (channel == p.Dk && p.out.dA_log != nullptr) p.out.dA_log[head] = static_cast<float>(sum);
  if (p.out.ddt_bias == nullptr) return;
  if (p.bias_per_channel) {
    if (channel < p.Dk) p.out.ddt_bias[head * p.Dk + channel] = static_cast<float>(sum);
  } else if (channel == 0) {
    double all = 0;
    for (int c = 0; c < p.Dk; ++c) all += sums[c];
    p.out.ddt_bias[head] = static_cast<float>(all);
  }
}

template <class X>
void launch(const FinishParams& p, Stream stream) {
  const auto blocks = [](index_t items) { return static_cast<unsigned>((items + kWarps - 1) / kWarps); };
  if (p.tokens > 0) {
    keys_kernel<X><<<blocks(p.tokens * p.H), 32 * kWarps, 0, stream>>>(p);
    check_launch("cuda backward: launch of keys_kernel");
    values_kernel<X><<<blocks(p.tokens * p.HV), 32 * kWarps, 0, stream>>>(p);
    check_launch("cuda backward: launch of values_kernel");
  }
  if (p.out.dA_log == nullptr && p.out.ddt_bias == nullptr) return;
  token_sums_kernel<X><<<dim3(kSlabs, static_cast<unsigned>(p.g_heads)), 256, 0, stream>>>(p);
  check_launch("cuda backward: launch of token_sums_kernel");
  slab_sums_kernel<<<static_cast<unsigned>(p.g_heads), 288, 0, stream>>>(p);
  check_launch("cuda backward: launch of slab_sums_kernel");
}

index_t heads_or(index_t heads, const Call& call) { return heads == 0 ? call.HV : heads; }

}  // namespace

std::size_t finish_workspace_bytes(const Call& call) {
  if (call.options.decay_activation == DecayActivation::none) return 0;
  return static_cast<std::size_t>(kSlabs * heads_or(call.g_heads, call) * (call.Dk + 1)) * sizeof(double);
}

void finish(const Call& call, const Inputs& in, const Effective& effective, const Gradients& gradients, void* workspace, Stream stream) {
  const VariantInfo& row = info(call.options.variant);
  const Options& options = call.options;
  FinishParams p{};
  p.in = in, p.d = effective, p.out = gradients;
  p.tokens = call.B * call.T;
  p.H = static_cast<int>(call.H), p.HV = static_cast<int>(call.HV), p.Dk = static_cast<int>(call.Dk), p.Dv = static_cast<int>(call.Dv);
  p.g_heads = static_cast<int>(heads_or(call.g_heads, call)), p.b_heads = static_cast<int>(heads_or(call.b_heads, call));
  p.decay = row.decay, p.erase = row.erase, p.write = row.write, p.activation = options.decay_activation;
  p.l2norm = options.l2norm_qk, p.sigmoid = options.sigmoid_gates, p.g_is_float = call.g == DType::f32;
  p.bias_per_channel = row.decay == Decay::channel && in.dt_bias_numel == p.g_heads * call.Dk;
  p.eps = static_cast<float>(options.l2norm_eps), p.gain = options.erase_times_two ? 2.0f : 1.0f, p.lower = static_cast<float>(options.decay_lower_bound);
  const double scale = std::isnan(options.scale) ? 1.0 / std::sqrt(static_cast<double>(call.Dk)) : options.scale;
  p.q_scale = effective.dq_before_scale ? 1.0f : static_cast<float>(scale);
  p.partial = static_cast<double*>(workspace);
  if (call.tensors == DType::bf16) launch<__nv_bfloat16>(p, stream);
  else if (call.tensors == DType::f16) launch<__half>(p, stream);
  else launch<float>(p, stream);
}

}  // namespace fw::cuda::gradients
