// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The door of the chunkwise forward: checks, workspace, the choice of the tile of value columns, and the launches
//   write_numbers (only where the write gate is one number) -> factors (all chunks at once) -> scan (chunk after chunk).
// Workspace: images [slots, gate heads] (params.h), then the write numbers [tokens, HV].
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "cuda/chunk/params.h"
#include "cuda/launch/forward.h"
#include "cuda/support/check.h"

namespace fw::cuda {
namespace {

[[noreturn]] void refuse(const std::string& text) { throw Error("cuda forward: " + text); }
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

/// A call whose sizes are in order, and what follows from them.
struct Plan {
  const VariantInfo& row;
  bool erases, gated;        ///< has an erase side; reads b
  bool one_number;           ///< the write gate is one number
  index_t N, tokens, slots, g_heads, b_heads, heads;
  chunk::Image image;
  std::size_t image_bytes() const { return static_cast<std::size_t>(slots * heads) * static_cast<std::size_t>(image.bytes()); }
};

Plan plan_of(const Call& call) {
  const VariantInfo& row = info(call.options.variant);
  constexpr index_t kMost = std::numeric_limits<int>::max();
  if (row.family != Family::delta_rule) refuse("variant must be of the delta-rule family, got " + std::string(row.name));
  if (call.precision != Precision::fast) refuse("precision must be fast, got accurate");
  if (call.tensors != DType::bf16 && call.tensors != DType::f16 && call.tensors != DType::f32)
    refuse("tensors must be bf16, f16 or f32, got " + std::string(dtype_name(call.tensors)));
  if (row.decay != Decay::none && call.g != DType::f32 && call.g != call.tensors)
    refuse("g must be f32 or of the tensor type " + std::string(dtype_name(call.tensors)) + ", got " + std::string(dtype_name(call.g)));
  range("B", call.B, 0, kMost);
  range("T", call.T, 0, kMost);
  range("HV", call.HV, 1, 65535);
  range("H", call.H, 1, call.HV);
  range("Dk", call.Dk, 16, 256);
  range("Dv", call.Dv, 16, 256);
  range("N", call.N, 0, kMost);
  if (call.HV % call.H != 0) refuse("HV must be a multiple of H, got HV = " + std::to_string(call.HV) + ", H = " + std::to_string(call.H));
  Plan plan{row, row.erase != Erase::none, row.erase == Erase::channel || row.erase == Erase::mean, row.write == Write::scalar || row.write == Write::mean,
            0, 0, 0, 0, 0, 0, {}};
  plan.N = call.N == 0 ? call.B : call.N;
  plan.tokens = call.B * call.T;
  plan.slots = plan.tokens / chunk::kRows + plan.N;
  plan.g_heads = row.decay == Decay::none ? call.H : heads_of("g_heads", call.g_heads, call);
  plan.b_heads = plan.gated ? heads_of("b_heads", call.b_heads, call) : call.H;
  const bool per_value = plan.g_heads != call.H || plan.b_heads != call.H || row.erase == Erase::scalar;
  plan.heads = per_value ? call.HV : call.H;
  plan.image = {chunk::padded_width(call.Dk), plan.erases};
  if (plan.slots > kMost / plan.heads || plan.N > kMost / (16 * call.HV))
    refuse("B, T and HV must make fewer than 2^31 blocks, got B = " + std::to_string(call.B) + ", T = " + std::to_string(call.T) + ", HV = " + std::to_string(call.HV));
  return plan;
}

/// Whether rows of `width` elements from `pointer` on all begin at multiples of `bytes`; a pointer that is no multiple of its
/// element is a mistake.
bool aligned(const char* name, const void* pointer, index_t width, std::size_t element, std::size_t bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  if (address % element != 0) refuse(std::string(name) + " must be aligned to its elements of " + std::to_string(element) + " bytes, got another address");
  return pointer == nullptr || (address % bytes == 0 && static_cast<std::size_t>(width) * element % bytes == 0);
}

void check_tensors(const Call& call, const Plan& plan, const Inputs& in, const Outputs& out, const void* workspace) {
  const Options& options = call.options;
  const bool activated = options.decay_activation != DecayActivation::none, any = plan.tokens > 0;
  if (activated && plan.row.decay == Decay::none) refuse("decay_activation must be none for a variant without decay, got another");
  if (options.decay_activation == DecayActivation::bounded && !(options.decay_lower_bound >= -5.0 && options.decay_lower_bound < 0.0))
    refuse("decay_lower_bound must lie in [-5, 0), got " + std::to_string(options.decay_lower_bound));
  if (std::isinf(options.scale)) refuse("scale must be finite, got " + std::to_string(options.scale));
  if (!(options.l2norm_eps >= 0.0 && std::isfinite(options.l2norm_eps)))
    refuse("l2norm_eps must be finite and >= 0, got " + std::to_string(options.l2norm_eps));
  const auto tensor = [&](const char* name, const void* pointer, bool used) { given(name, pointer, used && (any || pointer != nullptr)); };
  tensor("q", in.q, true);
  tensor("k", in.k, true);
  tensor("v", in.v, true);
  tensor("g", in.g, plan.row.decay != Decay::none);
  tensor("b", in.b, plan.gated);
  tensor("w", in.w, plan.row.write == Write::channel || plan.row.write == Write::mean);
  tensor("beta", in.beta, plan.row.erase == Erase::scalar || plan.row.write == Write::scalar);
  given("A_log", in.A_log, activated);
  if (!activated) given("dt_bias", in.dt_bias, false);
  if (in.dt_bias != nullptr && in.dt_bias_numel != plan.g_heads && !(plan.row.decay == Decay::channel && in.dt_bias_numel == plan.g_heads * call.Dk))
    refuse("dt_bias_numel must be Hg = " + std::to_string(plan.g_heads) +
           (plan.row.decay == Decay::channel ? " or Hg*Dk = " + std::to_string(plan.g_heads * call.Dk) : "") + ", got " + std::to_string(in.dt_bias_numel));
  if (in.cu_seqlens != nullptr && call.B != 1) refuse("B must be 1 with cu_seqlens, got " + std::to_string(call.B));
  if (in.cu_seqlens == nullptr && plan.N != call.B) refuse("N must be B = " + std::to_string(call.B) + " without cu_seqlens, got " + std::to_string(plan.N));
  if (any && out.o == nullptr) refuse("o must be given, got null");
  if (any && workspace == nullptr) refuse("workspace must be given, got null");
  if (reinterpret_cast<std::uintptr_t>(workspace) % 16 != 0) refuse("workspace must be aligned to 16 bytes, got another address");
}

struct Device {
  int multiprocessors, shared_block;
};
Device current_device() {
  int device = 0;
  check(cudaGetDevice(&device), "cuda forward: cudaGetDevice");
  const auto attribute = [&](cudaDeviceAttr which) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, which, device), "cuda forward: cudaDeviceGetAttribute");
    return value;
  };
  return {attribute(cudaDevAttrMultiProcessorCount), attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin)};
}

/// Value columns a block of the scan takes: what makes rounds of blocks times the time of one least. Every block reads whole
/// images, so a narrow tile costs more than its share (times relative to 128 columns).
int scan_columns(index_t heads, index_t Dv, int Kp, int multiprocessors) {
  constexpr struct {
    int columns;
    double time;
  } kTiles[] = {{128, 1.0}, {64, 0.65}, {32, 0.45}, {16, 0.38}};
  int best = 16;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& tile : kTiles) {
    if (Kp > 128 && tile.columns > 64) continue;
    if (tile.columns >= 2 * Dv && tile.columns > 16) continue;
    const index_t blocks = heads * ((Dv + tile.columns - 1) / tile.columns), rounds = (blocks + multiprocessors - 1) / multiprocessors;
    const double time = static_cast<double>(rounds) * tile.time;
    if (time < least) least = time, best = tile.columns;
  }
  return best;
}

}  // namespace

std::size_t forward_workspace_bytes(const Call& call) {
  const Plan plan = plan_of(call);
  return plan.image_bytes() + (plan.one_number ? static_cast<std::size_t>(plan.tokens * call.HV) * sizeof(float) : 0);
}

std::size_t saved_bytes(const Call& call) {
  const Plan plan = plan_of(call);
  return static_cast<std::size_t>(plan.slots * call.HV * call.Dk * call.Dv) * 2;
}

void forward(const Call& call, const Inputs& in, const Outputs& out, void* saved, void* workspace, Stream stream) {
  forward_parts(call, in, out, saved, workspace, stream, {});
}

void forward_parts(const Call& call, const Inputs& in, const Outputs& out, void* saved, void* workspace, Stream stream, const ForwardParts& parts) {
  const Plan plan = plan_of(call);
  check_tensors(call, plan, in, out, workspace);
  if (plan.N == 0) return;
  const Options& options = call.options;
  const std::size_t size = dtype_size(call.tensors), g_size = dtype_size(call.g);
  const chunk::Tokens tokens{in.cu_seqlens, call.T, static_cast<int>(plan.N)};
  float* numbers = plan.one_number ? reinterpret_cast<float*>(static_cast<char*>(workspace) + plan.image_bytes()) : nullptr;
  const auto gain = options.erase_times_two ? 2.0f : 1.0f;

  chunk::FactorParams f{};
  f.q = in.q, f.k = in.k, f.g = in.g, f.b = in.b, f.beta = in.beta, f.A_log = in.A_log, f.dt_bias = in.dt_bias;
  f.images = static_cast<char*>(workspace);
  f.tokens = tokens, f.slots = plan.slots;
  f.H = static_cast<int>(call.H), f.HV = static_cast<int>(call.HV), f.Dk = static_cast<int>(call.Dk), f.Kp = plan.image.Kp;
  f.heads = static_cast<int>(plan.heads), f.g_heads = static_cast<int>(plan.g_heads), f.b_heads = static_cast<int>(plan.b_heads);
  f.g_is_float = call.g == DType::f32;
  f.bias_per_channel = plan.row.decay == Decay::channel && in.dt_bias_numel == plan.g_heads * call.Dk;
  bool vectors = aligned("q", in.q, call.Dk, size, 4 * size) & aligned("k", in.k, call.Dk, size, 4 * size);
  if (plan.gated) vectors &= aligned("b", in.b, call.Dk, size, 4 * size);
  if (plan.row.decay == Decay::channel) vectors &= aligned("g", in.g, call.Dk, g_size, 4 * g_size);
  f.vectors = vectors;
  f.decay = plan.row.decay, f.erase = plan.row.erase, f.activation = options.decay_activation;
  f.l2norm = options.l2norm_qk, f.sigmoid = options.sigmoid_gates, f.erase_gain = gain;
  f.scale = static_cast<float>(std::isnan(options.scale) ? 1.0 / std::sqrt(static_cast<double>(call.Dk)) : options.scale);
  f.l2norm_eps = static_cast<float>(options.l2norm_eps), f.lower = static_cast<float>(options.decay_lower_bound);

  chunk::ScanParams s{};
  s.v = in.v, s.w = in.w, s.write_numbers = numbers, s.images = f.images;
  s.initial_state = in.initial_state, s.final_state = out.final_state, s.o = out.o, s.states = saved;
  s.tokens = tokens, s.HV = f.HV, s.Dk = f.Dk, s.Dv = static_cast<int>(call.Dv), s.Kp = f.Kp, s.heads = f.heads;
  s.erase = plan.erases, s.write_channel = plan.row.write == Write::channel, s.sigmoid = options.sigmoid_gates;
  s.floats = call.tensors == DType::f32;
  s.vectors = aligned("v", in.v, call.Dv, size, 16) & aligned("o", out.o, call.Dv, size, 16) & (s.write_channel == 0 || aligned("w", in.w, call.Dv, size, 16));
  s.value_key = call.state_layout == StateLayout::value_key;

  const Device device = current_device();
  if (plan.tokens > 0 && parts.factors) {
    if (plan.one_number) {
      const bool beta = plan.row.write == Write::scalar;
      chunk::launch_write_numbers({beta ? in.beta : in.w, numbers, plan.tokens * call.HV, beta ? 1 : s.Dv, options.sigmoid_gates, beta ? gain : 1.0f},
                                  call.tensors, stream);
    }
    chunk::launch_factors(f, call.tensors, stream);
  }
  if (!parts.scan) return;
  const int columns = parts.columns > 0 ? parts.columns : scan_columns(plan.N * call.HV, call.Dv, f.Kp, device.multiprocessors);
  (call.tensors == DType::f16 ? chunk::launch_scan_f16 : chunk::launch_scan_bf16)(s, columns, device.shared_block, stream);
}

}  // namespace fw::cuda
