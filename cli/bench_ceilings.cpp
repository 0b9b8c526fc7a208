// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "bench_ceilings.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <vector>

#include "omp/simd/kernels.h"
#include "omp/team.h"

namespace fw::cli {

double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

Ceilings measure_ceilings(omp::Isa isa, int threads) {
  const auto& kernels = omp::kernels<float>(omp::resolve_isa(isa));
  Ceilings ceilings{threads, 0, 0};
  constexpr std::ptrdiff_t kSteps = 1 << 19;
  std::vector<std::vector<float>> sinks(static_cast<std::size_t>(threads), std::vector<float>(64, 0.5f));
  for (int repeat = 0; repeat < 5; ++repeat) {
    std::vector<double> flops(static_cast<std::size_t>(threads), 0.0);
    const double begin = seconds_now();
    omp::run_team(threads, [&](omp::Team team) {
      const auto rank = static_cast<std::size_t>(team.rank());
      flops[rank] = kernels.multiply_adds(kSteps, sinks[rank].data());
    });
    const double seconds = seconds_now() - begin;
    double total = 0;
    for (double f : flops) total += f;
    ceilings.multiply_add_gflops = std::max(ceilings.multiply_add_gflops, total / seconds / 1e9);
  }
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  omp::Aligned<char> from(kBytes), to(kBytes);
  std::memset(from.data(), 1, kBytes);
  std::memset(to.data(), 1, kBytes);
  for (int repeat = 0; repeat < 4; ++repeat) {
    const double begin = seconds_now();
    omp::run_team(threads, [&](omp::Team team) {
      const std::size_t size = static_cast<std::size_t>(team.size()), rank = static_cast<std::size_t>(team.rank());
      const std::size_t first = kBytes / size * rank;
      std::memcpy(to.data() + first, from.data() + first, kBytes / size);
    });
    ceilings.copy_gbs = std::max(ceilings.copy_gbs, 2.0 * static_cast<double>(kBytes) / (seconds_now() - begin) / 1e9);
  }
  return ceilings;
}

Sweep::Sweep(omp::Isa isa, int threads, int layers, std::size_t count)
    : isa_(omp::resolve_isa(isa)), threads_(threads), layers_(layers), count_(count), memory_(count * static_cast<std::size_t>(layers)) {
  std::fill_n(memory_.data(), memory_.size(), 1.0f);
}

double Sweep::run() {
  const auto& kernels = omp::kernels<float>(isa_);
  const double begin = seconds_now();
  for (int layer = 0; layer < layers_; ++layer) {
    float* x = memory_.data() + static_cast<std::size_t>(layer) * count_;
    omp::run_team(threads_, [&](omp::Team team) {
      const std::size_t size = static_cast<std::size_t>(team.size()), rank = static_cast<std::size_t>(team.rank());
      const std::size_t first = count_ / 16 * rank / size * 16, last = rank + 1 == size ? count_ : count_ / 16 * (rank + 1) / size * 16;
      kernels.scale(x + first, static_cast<std::ptrdiff_t>(last - first), 0.9999999f);
    });
  }
  return (seconds_now() - begin) / layers_;
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown CPU";
}

}  // namespace fw::cli
