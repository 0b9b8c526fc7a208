// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "cuda/launch/plan.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "cuda/support/check.h"

namespace fw::cuda {

void Door::range(const char* name, index_t value, index_t low, index_t high) const {
  if (value < low || value > high)
    refuse(std::string(name) + " must be in " + std::to_string(low) + ".." + std::to_string(high) + ", got " + std::to_string(value));
}
void Door::given(const char* name, const void* pointer, bool needed) const {
  if (needed && pointer == nullptr) refuse(std::string(name) + " must be given for this variant and these options, got null");
  if (!needed && pointer != nullptr) refuse(std::string(name) + " must be null for this variant and these options, got a pointer");
}
index_t Door::heads_of(const char* name, index_t heads, const Call& call) const {
  if (heads == 0 && call.H == call.HV) return call.HV;
  if (heads == call.H || heads == call.HV) return heads;
  refuse(std::string(name) + " must be H = " + std::to_string(call.H) + " or HV = " + std::to_string(call.HV) + ", got " + std::to_string(heads));
}

bool Door::aligned(const char* name, const void* pointer, index_t width, std::size_t element, std::size_t bytes) const {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  if (address % element != 0) refuse(std::string(name) + " must be aligned to its elements of " + std::to_string(element) + " bytes, got another address");
  return pointer == nullptr || (address % bytes == 0 && static_cast<std::size_t>(width) * element % bytes == 0);
}

Plan plan_of(const Door& door, const Call& call) {
  const VariantInfo& row = info(call.options.variant);
  constexpr index_t kMost = std::numeric_limits<int>::max();
  if (row.family != Family::delta_rule) door.refuse("variant must be of the delta-rule family, got " + std::string(row.name));
  if (call.tensors != DType::bf16 && call.tensors != DType::f16 && call.tensors != DType::f32)
    door.refuse("tensors must be bf16, f16 or f32, got " + std::string(dtype_name(call.tensors)));
  if (row.decay != Decay::none && call.g != DType::f32 && call.g != call.tensors)
    door.refuse("g must be f32 or of the tensor type " + std::string(dtype_name(call.tensors)) + ", got " + std::string(dtype_name(call.g)));
  if (call.precision == Precision::accurate && (call.tensors != DType::f32 || call.g != DType::f32))
    door.refuse("tensors and g must be f32 for precision accurate, got " + std::string(dtype_name(call.tensors)) + " and " + std::string(dtype_name(call.g)));
  door.range("B", call.B, 0, kMost);
  door.range("T", call.T, 0, kMost);
  door.range("HV", call.HV, 1, 65535);
  door.range("H", call.H, 1, call.HV);
  door.range("Dk", call.Dk, 16, 256);
  door.range("Dv", call.Dv, 16, 256);
  door.range("N", call.N, 0, kMost);
  door.range("segments", call.segments, 0, 256);
  if (call.HV % call.H != 0) door.refuse("HV must be a multiple of H, got HV = " + std::to_string(call.HV) + ", H = " + std::to_string(call.H));
  Plan plan{row, row.erase != Erase::none, row.erase == Erase::channel || row.erase == Erase::mean, row.write == Write::scalar || row.write == Write::mean,
            0, 0, 0, 0, 0, 0, {}};
  plan.N = call.N == 0 ? call.B : call.N;
  plan.tokens = call.B * call.T;
  plan.slots = plan.tokens / chunk::kRows + plan.N;
  plan.g_heads = row.decay == Decay::none ? call.H : door.heads_of("g_heads", call.g_heads, call);
  plan.b_heads = plan.gated ? door.heads_of("b_heads", call.b_heads, call) : call.H;
  const bool per_value = plan.g_heads != call.H || plan.b_heads != call.H || row.erase == Erase::scalar;
  plan.heads = per_value ? call.HV : call.H;
  plan.image = {chunk::padded_width(call.Dk), plan.erases};
  if (plan.slots > kMost / plan.heads || plan.N > kMost / (16 * call.HV) || (call.segments > 1 && plan.N > kMost / (32 * call.HV * call.segments)))
    door.refuse("B, T and HV must make fewer than 2^31 blocks, got B = " + std::to_string(call.B) + ", T = " + std::to_string(call.T) + ", HV = " + std::to_string(call.HV));
  return plan;
}

void check_inputs(const Door& door, const Call& call, const Plan& plan, const Inputs& in, const void* workspace) {
  const Options& options = call.options;
  const bool activated = options.decay_activation != DecayActivation::none, any = plan.tokens > 0;
  if (activated && plan.row.decay == Decay::none) door.refuse("decay_activation must be none for a variant without decay, got another");
  if (options.decay_activation == DecayActivation::bounded && !(options.decay_lower_bound >= -5.0 && options.decay_lower_bound < 0.0))
    door.refuse("decay_lower_bound must lie in [-5, 0), got " + std::to_string(options.decay_lower_bound));
  if (std::isinf(options.scale)) door.refuse("scale must be finite, got " + std::to_string(options.scale));
  if (!(options.l2norm_eps >= 0.0 && std::isfinite(options.l2norm_eps)))
    door.refuse("l2norm_eps must be finite and >= 0, got " + std::to_string(options.l2norm_eps));
  const auto tensor = [&](const char* name, const void* pointer, bool used) { door.given(name, pointer, used && (any || pointer != nullptr)); };
  tensor("q", in.q, true);
  tensor("k", in.k, true);
  tensor("v", in.v, true);
  tensor("g", in.g, plan.row.decay != Decay::none);
  tensor("b", in.b, plan.gated);
  tensor("w", in.w, plan.row.write == Write::channel || plan.row.write == Write::mean);
  tensor("beta", in.beta, plan.row.erase == Erase::scalar || plan.row.write == Write::scalar);
  door.given("A_log", in.A_log, activated);
  if (!activated) door.given("dt_bias", in.dt_bias, false);
  if (in.dt_bias != nullptr && in.dt_bias_numel != plan.g_heads && !(plan.row.decay == Decay::channel && in.dt_bias_numel == plan.g_heads * call.Dk))
    door.refuse("dt_bias_numel must be Hg = " + std::to_string(plan.g_heads) +
           (plan.row.decay == Decay::channel ? " or Hg*Dk = " + std::to_string(plan.g_heads * call.Dk) : "") + ", got " + std::to_string(in.dt_bias_numel));
  if (in.cu_seqlens != nullptr && call.B != 1) door.refuse("B must be 1 with cu_seqlens, got " + std::to_string(call.B));
  if (in.cu_seqlens == nullptr && plan.N != call.B) door.refuse("N must be B = " + std::to_string(call.B) + " without cu_seqlens, got " + std::to_string(plan.N));
  if (any && workspace == nullptr) door.refuse("workspace must be given, got null");
  if (reinterpret_cast<std::uintptr_t>(workspace) % 16 != 0) door.refuse("workspace must be aligned to 16 bytes, got another address");
}

namespace {
int pretended_shared_block = 0;
}
void pretend_shared_block(int bytes) { pretended_shared_block = bytes; }

Device current_device() {
  int device = 0;
  check(cudaGetDevice(&device), "cuda: cudaGetDevice");
  const auto attribute = [&](cudaDeviceAttr which) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, which, device), "cuda: cudaDeviceGetAttribute");
    return value;
  };
  if (pretended_shared_block > 0) return {attribute(cudaDevAttrMultiProcessorCount), pretended_shared_block, false};
  return {attribute(cudaDevAttrMultiProcessorCount), attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin),
          attribute(cudaDevAttrComputeCapabilityMajor) == 9 && attribute(cudaDevAttrComputeCapabilityMinor) == 0};
}

chunk::FactorParams factor_params(const Door& door, const Call& call, const Plan& plan, const Inputs& in, void* workspace) {
  const Options& options = call.options;
  const std::size_t size = dtype_size(call.tensors), g_size = dtype_size(call.g);
  chunk::FactorParams f{};
  f.q = in.q, f.k = in.k, f.g = in.g, f.b = in.b, f.beta = in.beta, f.A_log = in.A_log, f.dt_bias = in.dt_bias;
  f.images = static_cast<char*>(workspace);
  f.tokens = {in.cu_seqlens, call.T, static_cast<int>(plan.N)}, f.slots = plan.slots;
  f.H = static_cast<int>(call.H), f.HV = static_cast<int>(call.HV), f.Dk = static_cast<int>(call.Dk), f.Kp = plan.image.Kp;
  f.heads = static_cast<int>(plan.heads), f.g_heads = static_cast<int>(plan.g_heads), f.b_heads = static_cast<int>(plan.b_heads);
  f.g_is_float = call.g == DType::f32;
  f.bias_per_channel = plan.row.decay == Decay::channel && in.dt_bias_numel == plan.g_heads * call.Dk;
  bool vectors = door.aligned("q", in.q, call.Dk, size, 4 * size) & door.aligned("k", in.k, call.Dk, size, 4 * size);
  if (plan.gated) vectors &= door.aligned("b", in.b, call.Dk, size, 4 * size);
  if (plan.row.decay == Decay::channel) vectors &= door.aligned("g", in.g, call.Dk, g_size, 4 * g_size);
  f.vectors = vectors;
  f.decay = plan.row.decay, f.erase = plan.row.erase, f.activation = options.decay_activation;
  f.l2norm = options.l2norm_qk, f.sigmoid = options.sigmoid_gates, f.erase_gain = options.erase_times_two ? 2.0f : 1.0f;
  f.scale = static_cast<float>(std::isnan(options.scale) ? 1.0 / std::sqrt(static_cast<double>(call.Dk)) : options.scale);
  f.l2norm_eps = static_cast<float>(options.l2norm_eps), f.lower = static_cast<float>(options.decay_lower_bound);
  return f;
}

chunk::ScanParams scan_params(const Door& door, const Call& call, const Plan& plan, const Inputs& in, const chunk::FactorParams& f, void* workspace) {
  const std::size_t size = dtype_size(call.tensors);
  chunk::ScanParams s{};
  s.v = in.v, s.w = in.w, s.images = f.images;
  s.write_numbers = plan.one_number ? reinterpret_cast<const float*>(static_cast<char*>(workspace) + plan.image_bytes()) : nullptr;
  s.tokens = f.tokens, s.HV = f.HV, s.Dk = f.Dk, s.Dv = static_cast<int>(call.Dv), s.Kp = f.Kp, s.heads = f.heads;
  s.erase = plan.erases, s.write_channel = plan.row.write == Write::channel, s.sigmoid = call.options.sigmoid_gates;
  s.floats = call.tensors == DType::f32;
  s.vectors = door.aligned("v", in.v, call.Dv, size, 16) & (s.write_channel == 0 || door.aligned("w", in.w, call.Dv, size, 16));
  s.value_key = call.state_layout == StateLayout::value_key;
  return s;
}

void launch_factors(const Call& call, const Plan& plan, const Inputs& in, const chunk::FactorParams& f, void* workspace, Stream stream) {
  if (plan.tokens == 0) return;
  if (plan.one_number) {
    const bool beta = plan.row.write == Write::scalar;
    chunk::launch_write_numbers({beta ? in.beta : in.w, reinterpret_cast<float*>(static_cast<char*>(workspace) + plan.image_bytes()), plan.tokens * call.HV,
                                 beta ? 1 : static_cast<int>(call.Dv), call.options.sigmoid_gates, beta ? f.erase_gain : 1.0f},
                                call.tensors, stream);
  }
  chunk::launch_factors(f, call.tensors, stream);
}

}  // namespace fw::cuda
