// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <cmath>
#include <cstdint>
#include <string>

#include "cuda/decode/params.h"
#include "cuda/support/check.h"

namespace fw::cuda {
namespace {

[[noreturn]] void refuse(const std::string& text) { throw Error("decode: " + text); }
void range(const char* name, index_t value, index_t low, index_t high) {
  if (value < low || value > high)
    refuse(std::string(name) + " must be in " + std::to_string(low) + ".." + std::to_string(high) + ", got " + std::to_string(value));
}
void given(const char* name, const void* pointer, bool needed) {
  if (needed && pointer == nullptr) refuse(std::string(name) + " must be given for this variant and these options, got null");
  if (!needed && pointer != nullptr) refuse(std::string(name) + " must be null for this variant and these options, got a pointer");
}
index_t heads_of(const char* name, index_t heads, const Call& call) {
  if (heads == 0 && call.H == call.HV) return call.HV;
  if (heads == call.H || heads == call.HV) return heads;
  refuse(std::string(name) + " must be H = " + std::to_string(call.H) + " or HV = " + std::to_string(call.HV) + ", got " + std::to_string(heads));
}
/// A pointer that is no multiple of its element is a mistake; one that is no multiple of four elements only costs time.
bool aligned(const char* name, const void* pointer, std::size_t element) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  if (address % element != 0) refuse(std::string(name) + " must be aligned to its elements of " + std::to_string(element) + " bytes, got another address");
  return address % (4 * element) == 0;
}

void check_call(const Call& call, const VariantInfo& row) {
  if (row.family != Family::delta_rule) refuse("variant must be of the delta-rule family, got " + std::string(row.name));
  if (call.tensors != DType::bf16 && call.tensors != DType::f16 && call.tensors != DType::f32)
    refuse("tensors must be bf16, f16 or f32, got " + std::string(dtype_name(call.tensors)));
  if (row.decay != Decay::none && call.g != DType::f32 && call.g != call.tensors)
    refuse("g must be f32 or of the tensor type " + std::string(dtype_name(call.tensors)) + ", got " + std::string(dtype_name(call.g)));
  range("B", call.B, 0, 65535);
  range("T", call.T, 1, 8);
  range("HV", call.HV, 1, 65535);
  range("H", call.H, 1, call.HV);
  range("Dk", call.Dk, 16, 256);
  range("Dv", call.Dv, 16, 256);
  if (call.HV % call.H != 0)
    refuse("HV must be a multiple of H, got HV = " + std::to_string(call.HV) + ", H = " + std::to_string(call.H));
  if (call.N != 0 && call.N != call.B) refuse("N must be B = " + std::to_string(call.B) + ", got " + std::to_string(call.N));
  const Options& options = call.options;
  if (options.decay_activation != DecayActivation::none && row.decay == Decay::none) refuse("decay_activation must be none for a variant without decay, got another");
  if (options.decay_activation == DecayActivation::bounded && !(options.decay_lower_bound >= -5.0 && options.decay_lower_bound < 0.0))
    refuse("decay_lower_bound must lie in [-5, 0), got " + std::to_string(options.decay_lower_bound));
  if (std::isinf(options.scale)) refuse("scale must be finite, got " + std::to_string(options.scale));
  if (!(options.l2norm_eps >= 0.0 && std::isfinite(options.l2norm_eps)))
    refuse("l2norm_eps must be finite and >= 0, got " + std::to_string(options.l2norm_eps));
}

/// Which tensors the variant has; whether those that the kernel touches by fours allow it.
bool check_tensors(const Call& call, const VariantInfo& row, const Inputs& in, const StatePool& pool, const void* o, index_t g_heads) {
  const bool activated = call.options.decay_activation != DecayActivation::none;
  given("q", in.q, true);
  given("k", in.k, true);
  given("v", in.v, true);
  given("g", in.g, row.decay != Decay::none);
  given("b", in.b, row.erase == Erase::channel || row.erase == Erase::mean);
  given("w", in.w, row.write == Write::channel || row.write == Write::mean);
  given("beta", in.beta, row.erase == Erase::scalar || row.write == Write::scalar);
  given("A_log", in.A_log, activated);
  if (!activated) given("dt_bias", in.dt_bias, false);
  if (in.dt_bias != nullptr && in.dt_bias_numel != g_heads && !(row.decay == Decay::channel && in.dt_bias_numel == g_heads * call.Dk))
    refuse("dt_bias_numel must be Hg = " + std::to_string(g_heads) + (row.decay == Decay::channel ? " or Hg*Dk = " + std::to_string(g_heads * call.Dk) : "") +
           ", got " + std::to_string(in.dt_bias_numel));
  if (in.initial_state != nullptr) refuse("initial_state must be null, as states are in the pool, got a pointer");
  if (in.cu_seqlens != nullptr) refuse("cu_seqlens must be null, as every sequence has T tokens, got a pointer");
  if (o == nullptr) refuse("o must be given, got null");
  if (pool.states == nullptr) refuse("states must be given, got null");
  if (pool.slots < 1) refuse("slots must be at least 1, got " + std::to_string(pool.slots));
  if (pool.from == nullptr && pool.slots < call.B)
    refuse("slots must be at least B = " + std::to_string(call.B) + " without slot numbers, got " + std::to_string(pool.slots));

  struct Tensor {
    const char* name;
    const void* data;
    std::size_t element;
    bool by_fours;
  };
  const bool key_value = call.state_layout == StateLayout::key_value;
  const std::size_t size = dtype_size(call.tensors);
  const Tensor all[] = {{"q", in.q, size, false}, {"k", in.k, size, false}, {"v", in.v, size, false}, {"b", in.b, size, false}, {"w", in.w, size, false},
                        {"g", in.g, dtype_size(call.g), false}, {"beta", in.beta, size, false}, {"o", o, size, key_value},
                        {"states", pool.states, 4, true}, {"snapshots", pool.snapshots, 4, true}};
  bool vectors = (key_value ? call.Dv : call.Dk) % 4 == 0;
  for (const Tensor& tensor : all) vectors &= aligned(tensor.name, tensor.data, tensor.element) || !tensor.by_fours;
  return vectors;
}

}  // namespace

void decode(const Call& call, const Inputs& in, const StatePool& pool, void* o, Stream stream, DecodeTiling tiling) {
  const VariantInfo& row = info(call.options.variant);
  check_call(call, row);
  const bool gated = row.erase == Erase::channel || row.erase == Erase::mean;
  const index_t g_heads = row.decay == Decay::none ? call.HV : heads_of("g_heads", call.g_heads, call);
  const index_t b_heads = gated ? heads_of("b_heads", call.b_heads, call) : call.HV;
  if (call.B == 0) return;
  const bool vectors = check_tensors(call, row, in, pool, o, g_heads);

  const Options& options = call.options;
  decoding::Params p{};
  p.q = in.q, p.k = in.k, p.v = in.v, p.g = in.g, p.b = in.b, p.w = in.w, p.beta = in.beta;
  p.A_log = in.A_log, p.dt_bias = in.dt_bias;
  p.states = pool.states, p.slots = pool.slots, p.from = pool.from, p.to = pool.to;
  p.snapshots = pool.snapshots, p.o = o;
  p.N = static_cast<int>(call.B), p.T = static_cast<int>(call.T), p.H = static_cast<int>(call.H), p.HV = static_cast<int>(call.HV);
  p.Dk = static_cast<int>(call.Dk), p.Dv = static_cast<int>(call.Dv), p.group = p.HV / p.H;
  p.g_per_value = g_heads == call.HV, p.b_per_value = b_heads == call.HV;
  p.g_is_float = call.g == DType::f32;
  p.bias_per_channel = row.decay == Decay::channel && in.dt_bias_numel == g_heads * call.Dk;
  p.decay = row.decay, p.erase = row.erase, p.write = row.write, p.activation = options.decay_activation;
  p.l2norm = options.l2norm_qk, p.sigmoid = options.sigmoid_gates, p.erase_gain = options.erase_times_two ? 2.0f : 1.0f;
  p.scale = static_cast<float>(std::isnan(options.scale) ? 1.0 / std::sqrt(static_cast<double>(call.Dk)) : options.scale);
  p.l2norm_eps = static_cast<float>(options.l2norm_eps), p.lower = static_cast<float>(options.decay_lower_bound);
  const auto launch = call.state_layout == StateLayout::key_value ? decoding::launch_key_value : decoding::launch_value_key;
  launch(p, call.tensors, vectors, tiling, decoding::current_device(), stream);
}

decoding::Device decoding::current_device() {
  int device = 0;
  check(cudaGetDevice(&device), "decode: cudaGetDevice");
  const auto attribute = [&](cudaDeviceAttr which) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, which, device), "decode: cudaDeviceGetAttribute");
    return value;
  };
  return {attribute(cudaDevAttrMultiProcessorCount), attribute(cudaDevAttrComputeCapabilityMajor)};
}

}  // namespace fw::cuda
