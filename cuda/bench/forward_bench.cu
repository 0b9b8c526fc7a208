// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "cuda/bench/forward_bench.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/families.h"
#include "cuda/launch/forward.h"
#include "cuda/support/device_buffer.h"
#include "cuda/support/elements.cuh"

namespace fw::cuda {
namespace {

// ---- truth: (R1)-(R4) in float64, one token after the other

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

fw::Outputs<double> recurrence(const Problem& problem) {
  const fw::Inputs<double>& in = problem.in;
  const Options& options = problem.options;
  const VariantInfo& row = info(options.variant);
  const Geometry geo = check_inputs("forward check", in, options);
  fw::Outputs<double> out;
  out.o = Tensor<double>({geo.B, geo.T, geo.HV, geo.Dv});
  out.final_state = Tensor<double>({geo.N, geo.HV, geo.Dk, geo.Dv});
  const double gain = options.erase_times_two ? 2.0 : 1.0;
  const auto gate = [&](double raw, double times) { return options.sigmoid_gates ? times * sigmoid(raw) : raw; };
  for (index_t n = 0; n < geo.N; ++n)
    for (index_t hv = 0; hv < geo.HV; ++hv) {
      const auto& sequence = geo.sequences[static_cast<std::size_t>(n)];
      const index_t Dk = geo.Dk, Dv = geo.Dv, h = geo.key_head(hv);
      double* S = out.final_state.data() + (n * geo.HV + hv) * Dk * Dv;
      for (index_t i = 0; i < Dk * Dv; ++i) S[i] = in.initial_state.defined() ? in.initial_state[(n * geo.HV + hv) * Dk * Dv + i] : 0.0;
      std::vector<double> q(static_cast<std::size_t>(Dk)), k(q), e(q), delta(static_cast<std::size_t>(Dv));
      for (index_t t = sequence.begin; t < sequence.begin + sequence.length; ++t) {
        const index_t token = sequence.batch * geo.T + t;
        double qq = 0, kk = 0;
        for (index_t i = 0; i < Dk; ++i) {
          q[i] = in.q[(token * geo.H + h) * Dk + i], k[i] = in.k[(token * geo.H + h) * Dk + i];
          qq += q[i] * q[i], kk += k[i] * k[i];
        }
        const auto norm = [&](double sum) { return !options.l2norm_qk ? 1.0 : sum + options.l2norm_eps == 0 ? 0.0 : 1.0 / std::sqrt(sum + options.l2norm_eps); };
        for (index_t i = 0; i < Dk; ++i) q[i] *= norm(qq) * geo.scale, k[i] *= norm(kk);
        if (row.decay != Decay::none) {
          const index_t head = geo.head_of(geo.g_heads, hv), width = geo.g_channels ? Dk : 1;
          for (index_t i = 0; i < Dk; ++i) {
            const index_t c = geo.g_channels ? i : 0;
            double g = in.g[(token * geo.g_heads + head) * width + c];
            if (options.decay_activation != DecayActivation::none) {
              const double A = std::exp(in.A_log[head]);
              if (in.dt_bias.defined()) g += in.dt_bias.numel() == geo.g_heads ? in.dt_bias[head] : in.dt_bias[head * Dk + c];
              g = options.decay_activation == DecayActivation::softplus ? -A * (std::fmax(g, 0.0) + std::log1p(std::exp(-std::fabs(g))))
                                                                        : options.decay_lower_bound * sigmoid(A * g);
            }
            for (index_t j = 0; j < Dv; ++j) S[i * Dv + j] *= std::exp(g);
          }
        }
        double mean_b = 0, mean_w = 0;
        const auto b = [&](index_t i) { return gate(in.b[(token * geo.b_heads + geo.head_of(geo.b_heads, hv)) * Dk + i], gain); };
        const auto w = [&](index_t j) { return gate(in.w[(token * geo.HV + hv) * Dv + j], 1.0); };
        if (row.erase == Erase::mean)
          for (index_t i = 0; i < Dk; ++i) mean_b += b(i) / static_cast<double>(Dk);
        if (row.write == Write::mean)
          for (index_t j = 0; j < Dv; ++j) mean_w += w(j) / static_cast<double>(Dv);
        const double beta = in.beta.defined() ? gate(in.beta[token * geo.HV + hv], gain) : 0.0;
        for (index_t i = 0; i < Dk; ++i)
          e[i] = k[i] * (row.erase == Erase::none ? 0.0 : row.erase == Erase::scalar ? beta : row.erase == Erase::mean ? mean_b : b(i));
        for (index_t j = 0; j < Dv; ++j) {
          const double z = in.v[(token * geo.HV + hv) * Dv + j] * (row.write == Write::one ? 1.0 : row.write == Write::scalar ? beta : row.write == Write::mean ? mean_w : w(j));
          double r = 0;
          for (index_t i = 0; i < Dk; ++i) r += S[i * Dv + j] * e[i];
          delta[j] = z - r;
        }
        for (index_t j = 0; j < Dv; ++j) {
          double sum = 0;
          for (index_t i = 0; i < Dk; ++i) S[i * Dv + j] += k[i] * delta[j], sum += S[i * Dv + j] * q[i];
          out.o[(token * geo.HV + hv) * Dv + j] = sum;
        }
      }
    }
  return out;
}

// ---- a problem on the device

struct Run {
  Call call;
  Inputs in;
  index_t N = 0;
  std::vector<DeviceBuffer> memory;
  DeviceBuffer o, final_state, saved, workspace;

  const void* upload(const Tensor<double>& x, DType dtype) {
    if (!x.defined()) return nullptr;
    std::vector<char> bytes(static_cast<std::size_t>(x.numel()) * dtype_size(dtype) + 16);
    for (index_t i = 0; i < x.numel(); ++i) {
      char* at = bytes.data() + static_cast<std::size_t>(i) * dtype_size(dtype);
      const float f = static_cast<float>(x[i]);
      const std::uint16_t half = dtype == DType::bf16 ? bf16_bits(x[i]) : f16_bits(x[i]);
      std::memcpy(at, dtype == DType::f32 ? static_cast<const void*>(&f) : &half, dtype_size(dtype));
    }
    memory.emplace_back(bytes);
    return memory.back().data();
  }
  Run(const Problem& p, DType tensors, DType g) {
    const Shape &q = p.in.q.shape(), &v = p.in.v.shape();
    call.options = p.options;
    call.B = q[0], call.T = q[1], call.H = q[2], call.HV = v[2], call.Dk = q[3], call.Dv = v[3];
    call.tensors = tensors, call.g = g;
    if (p.in.g.defined()) call.g_heads = p.in.g.shape()[2];
    if (p.in.b.defined()) call.b_heads = p.in.b.shape()[2];
    call.N = N = p.in.cu_seqlens.empty() ? call.B : static_cast<index_t>(p.in.cu_seqlens.size()) - 1;
    in.q = upload(p.in.q, tensors), in.k = upload(p.in.k, tensors), in.v = upload(p.in.v, tensors), in.g = upload(p.in.g, g);
    in.b = upload(p.in.b, tensors), in.w = upload(p.in.w, tensors), in.beta = upload(p.in.beta, tensors);
    in.A_log = static_cast<const float*>(upload(p.in.A_log, DType::f32)), in.dt_bias = static_cast<const float*>(upload(p.in.dt_bias, DType::f32));
    in.dt_bias_numel = p.in.dt_bias.numel();
    in.initial_state = static_cast<const float*>(upload(p.in.initial_state, DType::f32));
    if (!p.in.cu_seqlens.empty()) memory.emplace_back(p.in.cu_seqlens), in.cu_seqlens = memory.back().as<index_t>();
    o = DeviceBuffer(static_cast<std::size_t>(call.B * call.T * call.HV * call.Dv) * dtype_size(tensors) + 64);
    final_state = DeviceBuffer(static_cast<std::size_t>(N * call.HV * call.Dk * call.Dv) * sizeof(float));
    saved = DeviceBuffer(saved_bytes(call) + 64), workspace = DeviceBuffer(forward_workspace_bytes(call) + 64);
  }
  void launch(int columns) {
    for (DeviceBuffer* buffer : {&o, &final_state, &saved, &workspace}) buffer->fill(0xff);
    forward_parts(call, in, {o.data(), final_state.as<float>()}, saved.data(), workspace.data(), nullptr, {true, true, columns});
    check(cudaDeviceSynchronize(), "forward check: run");
  }
  std::vector<char> bytes(const DeviceBuffer& buffer) const {
    std::vector<char> out(buffer.bytes());
    buffer.download(out.data(), out.size());
    return out;
  }
  double number(const std::vector<char>& bytes, index_t i, DType dtype) const {
    float f = 0;
    std::uint16_t half = 0;
    if (dtype == DType::f32) return std::memcpy(&f, bytes.data() + 4 * i, 4), static_cast<double>(f);
    std::memcpy(&half, bytes.data() + 2 * i, 2);
    return dtype == DType::bf16 ? bf16_value(half) : f16_value(half);
  }
  /// |x - truth| / |truth|; NaN where a number is not finite.
  double error(const DeviceBuffer& buffer, DType dtype, const Tensor<double>& truth) const {
    const std::vector<char> all = bytes(buffer);
    double difference = 0, size = 0;
    for (index_t i = 0; i < truth.numel(); ++i) {
      const double x = number(all, i, dtype);
      if (!std::isfinite(x)) return std::numeric_limits<double>::quiet_NaN();
      difference += (x - truth[i]) * (x - truth[i]), size += truth[i] * truth[i];
    }
    return difference == 0 ? 0 : std::sqrt(difference / size);
  }
};

Problem rounded(Problem p, DType tensors, DType g) {
  for_each_input(p.in, [&](std::string_view name, Tensor<double>& x) {
    const bool single = name == "A_log" || name == "dt_bias" || name == "initial_state";
    for (index_t i = 0; i < x.numel(); ++i) x[i] = round_to(single ? DType::f32 : name == "g" ? g : tensors, x[i]);
  });
  return p;
}

/// g of a case: as drawn, one number everywhere, or a wild mixture.
constexpr double kDrawn = 1.0, kWild = 2.0;

struct Checks {
  std::FILE* out;
  int failures = 0;

  void one(Variant variant, const std::string& shape, const std::string& family, DType tensors = DType::bf16, DType g = DType::f32, int columns = 0, double decay = kDrawn) {
    Problem p = make_problem(variant, ProblemShape::parse(shape), family, 7);
    constexpr double kMixture[] = {0, -1e-4, -5, -20, -100, -1e4, -std::numeric_limits<double>::infinity(), -0.1};
    if (decay != kDrawn)
      for (index_t i = 0; i < p.in.g.numel(); ++i) p.in.g[i] = decay == kWild ? kMixture[(i * 2654435761u >> 7) % 8] : decay;
    p = rounded(p, tensors, g);
    const fw::Outputs<double> truth = recurrence(p);
    Run run(p, tensors, g);
    run.launch(columns);
    const double o = run.error(run.o, tensors, truth.o), state = run.error(run.final_state, DType::f32, truth.final_state);
    const double bound = family.starts_with("keys-") ? 1.5e-2 : 6e-3;
    const bool good = o <= bound && state <= bound;
    failures += !good;
    std::fprintf(out, "%s  o %.1e  state %.1e  %-10s %s %s %s/%s columns %d g %g\n", good ? "PASS" : "FAIL", o, state, std::string(info(variant).name).c_str(),
                 shape.c_str(), family.c_str(), std::string(dtype_name(tensors)).c_str(), std::string(dtype_name(g)).c_str(), columns, decay);
    std::fflush(out);
  }

  void bits(Variant variant, const std::string& shape, int columns) {
    const Problem p = rounded(make_problem(variant, ProblemShape::parse(shape), "mixed", 7), DType::bf16, DType::f32);
    Run run(p, DType::bf16, DType::f32);
    run.launch(columns);
    const std::vector<char> o = run.bytes(run.o), state = run.bytes(run.final_state), saved = run.bytes(run.saved);
    bool same = true;
    for (int i = 0; i < 20; ++i) {
      run.launch(columns);
      same &= o == run.bytes(run.o) && state == run.bytes(run.final_state) && saved == run.bytes(run.saved);
    }
    bool causal = true;
    const index_t T = p.in.q.shape()[1];
    for (const index_t cut : {index_t{1}, index_t{37}, index_t{64}, index_t{101}}) {
      Problem other = p;
      for_each_input(other.in, [&](std::string_view name, Tensor<double>& x) {
        if (name == "initial_state" || name == "A_log" || name == "dt_bias" || !x.defined()) return;
        for (index_t i = cut * (x.numel() / T); i < x.numel(); ++i) x[i] = name == "g" ? 1.5 * x[i] - 1 : 0.5 * x[i];
      });
      Run changed(rounded(other, DType::bf16, DType::f32), DType::bf16, DType::f32);
      changed.launch(columns);
      causal &= std::equal(o.begin(), o.begin() + cut * run.call.HV * run.call.Dv * 2, changed.bytes(changed.o).begin());
    }
    failures += !same + !causal;
    std::fprintf(out, "%s  same bits in 20 runs; %s  earlier o do not see later tokens: %s %s columns %d\n", same ? "PASS" : "FAIL", causal ? "PASS" : "FAIL",
                 std::string(info(variant).name).c_str(), shape.c_str(), columns);
  }
};

// ---- timing

template <class E>
__global__ void noise_kernel(E* to, std::size_t count, unsigned seed, float low, float high) {
  const std::size_t first = blockIdx.x * static_cast<std::size_t>(blockDim.x) + threadIdx.x, step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = first; i < count; i += step) {
    unsigned x = static_cast<unsigned>(i) * 2654435761u + static_cast<unsigned>(i >> 32) * 40503u + seed;
    x ^= x >> 16, x *= 0x85ebca6bu, x ^= x >> 13, x *= 0xc2b2ae35u, x ^= x >> 16;
    to[i] = from_float<E>(low + (high - low) * (static_cast<float>(x >> 8) * 0x1p-24f));
  }
}

/// Median milliseconds of what `enqueue` puts on the default stream.
double milliseconds(const std::function<void()>& enqueue, int repeats = 15) {
  cudaEvent_t begin = nullptr, end = nullptr;
  check(cudaEventCreate(&begin), "forward bench: cudaEventCreate");
  check(cudaEventCreate(&end), "forward bench: cudaEventCreate");
  std::vector<float> all;
  for (int i = -3; i < repeats; ++i) {
    float time = 0;
    check(cudaEventRecord(begin), "forward bench: cudaEventRecord");
    enqueue();
    check(cudaEventRecord(end), "forward bench: cudaEventRecord");
    check(cudaEventSynchronize(end), "forward bench: run");
    check(cudaEventElapsedTime(&time, begin, end), "forward bench: cudaEventElapsedTime");
    if (i >= 0) all.push_back(time);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  std::sort(all.begin(), all.end());
  return static_cast<double>(all[all.size() / 2]);
}

double copy_terabytes() {
  const std::size_t bytes = std::size_t{1} << 30;
  DeviceBuffer from(bytes), to(bytes);
  from.fill(1);
  return 2e-9 * static_cast<double>(bytes) / milliseconds([&] { check(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice), "copy"); });
}

/// A call on noise; the bytes a fused forward would have to move.
struct Timed {
  Call call;
  Inputs in;
  std::vector<DeviceBuffer> memory;
  DeviceBuffer workspace, saved;
  Outputs outputs;
  double bytes = 0;

  const void* noise(bool used, DType dtype, index_t count, float low, float high) {
    if (!used) return nullptr;
    const auto n = static_cast<std::size_t>(count);
    memory.emplace_back(n * dtype_size(dtype));
    bytes += static_cast<double>(n * dtype_size(dtype));
    const unsigned seed = static_cast<unsigned>(memory.size());
    if (dtype == DType::bf16) noise_kernel<<<2048, 256>>>(memory.back().as<__nv_bfloat16>(), n, seed, low, high);
    else noise_kernel<<<2048, 256>>>(memory.back().as<float>(), n, seed, low, high);
    check_launch("forward bench: launch of noise_kernel");
    return memory.back().data();
  }
  Timed(Variant variant, index_t B, index_t T, index_t H, index_t D, DType g) {
    const VariantInfo& row = info(variant);
    call.options.variant = variant;
    call.B = B, call.T = T, call.H = call.HV = H, call.Dk = call.Dv = D, call.g = g;
    const index_t rows = B * T * H;
    const float key = 1.7f / std::sqrt(static_cast<float>(D));
    in.q = noise(true, DType::bf16, rows * D, -key, key), in.k = noise(true, DType::bf16, rows * D, -key, key), in.v = noise(true, DType::bf16, rows * D, -1, 1);
    in.g = noise(row.decay != Decay::none, g, rows * (row.decay == Decay::channel ? D : 1), -0.5f, -0.01f);
    in.b = noise(row.erase == Erase::channel || row.erase == Erase::mean, DType::bf16, rows * D, 0, 1);
    in.w = noise(row.write == Write::channel || row.write == Write::mean, DType::bf16, rows * D, 0, 1);
    in.beta = noise(row.erase == Erase::scalar || row.write == Write::scalar, DType::bf16, rows, 0, 1);
    outputs.o = const_cast<void*>(noise(true, DType::bf16, rows * D, 0, 1));
    memory.emplace_back(static_cast<std::size_t>(B * H * D * D) * 4);
    outputs.final_state = memory.back().as<float>();
    workspace = DeviceBuffer(forward_workspace_bytes(call)), saved = DeviceBuffer(saved_bytes(call));
  }
  double time(bool keep, const ForwardParts& parts) {
    return milliseconds([&] { forward_parts(call, in, outputs, keep ? saved.data() : nullptr, workspace.data(), nullptr, parts); });
  }
};

}  // namespace

int check_forward(std::FILE* out) {
  Checks checks{out};
  for (const int T : {0, 1, 15, 16, 17, 63, 64, 65, 100, 200}) checks.one(Variant::gdn2, "B2-T" + std::to_string(T) + "-H2-HV2-Dk128-Dv128", "mixed");
  for (const int columns : {16, 32, 64, 128})
    for (const char* shape : {"B1-T200-H2-HV2-Dk128-Dv128", "B1-T200-H2-HV2-Dk64-Dv64", "B1-T200-H2-HV4-Dk60-Dv100", "B1-T130-H1-HV1-Dk256-Dv128"})
      checks.one(Variant::gdn2, shape, "mixed", DType::bf16, DType::f32, columns == 128 && std::strstr(shape, "256") ? 64 : columns);
  for (const Variant variant : {Variant::linear, Variant::mamba2, Variant::gla, Variant::delta, Variant::gdn, Variant::kda, Variant::gdn2_write, Variant::gdn2_erase, Variant::gdn2}) {
    const bool decays = info(variant).decay != Decay::none;
    checks.one(variant, "B2-T100-H2-HV4-Dk64-Dv64", "mixed");
    checks.one(variant, "B1-T320-H2-HV4-Dk128-Dv64-gHV-bH-cu0,15,15,100,320", "mixed");
    checks.one(variant, std::string("B1-T100-H1-HV2-Dk64-Dv48-gH-bH-l2norm-sigmoid") + (decays ? "-softplus" : ""), "mixed");
    checks.one(variant, std::string("B1-T100-H2-HV2-Dk61-Dv33-l2norm-sigmoid-times2") + (decays ? "-bounded" : ""), "mixed");
    checks.one(variant, "B1-T200-H2-HV2-Dk128-Dv128", "mixed", DType::f32);
    checks.one(variant, "B1-T200-H2-HV2-Dk128-Dv128", "mixed", DType::f16);
    checks.one(variant, "B1-T200-H2-HV2-Dk128-Dv128", "mixed", DType::bf16, DType::bf16);
    if (decays)
      for (const double g : {0.0, -1e-4, -5.0, -20.0, -100.0, -1e4, -std::numeric_limits<double>::infinity(), kWild})
        checks.one(variant, "B1-T200-H1-HV1-Dk128-Dv64", "mixed", DType::bf16, DType::f32, 0, g);
    for (const char* family : {"typical", "hard-mask", "strong", "gates-extreme", "keys-correlated", "keys-duplicate", "keys-identical"})
      if (family_applies(variant, family)) checks.one(variant, "B1-T200-H2-HV2-Dk128-Dv128", family);
  }
  for (const int columns : {16, 32, 64, 128}) checks.bits(Variant::gdn2, "B1-T200-H2-HV2-Dk128-Dv128", columns);
  checks.bits(Variant::gdn, "B1-T200-H2-HV2-Dk64-Dv64", 0);
  checks.bits(Variant::gla, "B1-T200-H2-HV2-Dk256-Dv64", 0);
  std::fprintf(out, "%d failed\n", checks.failures);
  return checks.failures;
}

void print_forward_bench(std::FILE* out) {
  const double copy = copy_terabytes();
  std::fprintf(out, "copy of 1 GiB on this device: %.2f TB/s\n%-10s %-20s %-5s %9s %9s %9s %9s %8s %8s\n", copy, "variant", "B x T x H x D", "g", "whole ms", "factors", "scan",
               "keeping", "TB/s", "of copy");
  const auto line = [&](Variant variant, index_t B, index_t T, index_t H, index_t D, DType g = DType::f32) {
    Timed timed(variant, B, T, H, D, g);
    const double whole = timed.time(false, {}), factors = timed.time(false, {true, false}), scan = timed.time(false, {false, true}), keeping = timed.time(true, {});
    const std::string shape = std::to_string(B) + " x " + std::to_string(T) + " x " + std::to_string(H) + " x " + std::to_string(D);
    std::fprintf(out, "%-10s %-20s %-5s %9.3f %9.3f %9.3f %9.3f %8.2f %7.1f%%\n", std::string(info(variant).name).c_str(), shape.c_str(), std::string(dtype_name(g)).c_str(),
                 whole, factors, scan, keeping, timed.bytes / whole * 1e-9, 100 * timed.bytes / whole * 1e-9 / copy);
    std::fflush(out);
  };
  line(Variant::gdn2, 8, 8192, 16, 128);
  line(Variant::gdn2, 8, 8192, 16, 128, DType::bf16);
  line(Variant::gdn2, 1, 65536, 16, 128);
  line(Variant::gdn2, 32, 2048, 16, 128);
  line(Variant::gdn2, 4, 4096, 16, 128);
  line(Variant::gdn2, 1, 8192, 16, 128);
  line(Variant::gdn2, 4, 4096, 64, 128);
  line(Variant::gdn2, 8, 8192, 16, 64);
  line(Variant::gdn2, 8, 2048, 32, 256);
  for (const Variant variant : {Variant::kda, Variant::gdn, Variant::gla, Variant::mamba2}) line(variant, 8, 8192, 16, 128);
}

void print_forward_tuning(std::FILE* out) {
  for (const index_t D : {128, 64})
    for (const index_t B : {1, 2, 4, 8, 16}) {
      Timed timed(Variant::gdn2, B, 4096, 16, D, DType::f32);
      timed.time(false, {true, false});
      std::fprintf(out, "scan %d x 4096 x 16 x %d:", static_cast<int>(B), static_cast<int>(D));
      for (const int columns : {16, 32, 64, 128}) std::fprintf(out, "  %d columns %.3f ms", columns, timed.time(false, {false, true, columns}));
      std::fprintf(out, "\n");
      std::fflush(out);
    }
}

}  // namespace fw::cuda

#ifdef FW_FORWARD_BENCH_MAIN
int main(int count, char** words) {
  const auto asked = [&](const char* what, bool otherwise) {
    for (int i = 1; i < count; ++i)
      if (std::strcmp(words[i], what) == 0) return true;
    return count == 1 && otherwise;
  };
  try {
    const int failures = asked("check", true) ? fw::cuda::check_forward(stdout) : 0;
    if (asked("time", true)) fw::cuda::print_forward_bench(stdout);
    if (asked("tune", false)) fw::cuda::print_forward_tuning(stdout);
    return failures > 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
#endif
