// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "omp/isa.h"

#include <string>

#include "core/error.h"
#include "omp/simd/kernels.h"

namespace fw::omp {

extern const Kernels<float> baseline_float;
extern const Kernels<double> baseline_double;
#if defined(FW_OMP_X86)
extern const Kernels<float> avx2_float, avx512_float;
extern const Kernels<double> avx2_double, avx512_double;
#endif

namespace {

struct Known {
  Isa isa;
  const char* name;
};
constexpr Known kKnown[] = {{Isa::automatic, "auto"}, {Isa::baseline, "baseline"}, {Isa::avx2, "avx2"}, {Isa::avx512, "avx512"}};

bool available(Isa isa) {
  switch (isa) {
    case Isa::automatic:
    case Isa::baseline: return true;
#if defined(FW_OMP_X86)
    case Isa::avx2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
#else
    case Isa::avx2:
    case Isa::avx512: return false;
#endif
  }
  return false;
}

}  // namespace

std::string_view isa_name(Isa isa) {
  for (const Known& known : kKnown)
    if (known.isa == isa) return known.name;
  return "?";
}

Isa isa_from_name(std::string_view name) {
  std::string names;
  for (const Known& known : kKnown) {
    if (known.name == name) return known.isa;
    names += (names.empty() ? "" : ", ") + std::string(known.name);
  }
  throw Error("isa: expected one of " + names + ", got \"" + std::string(name) + "\"");
}

std::vector<Isa> available_isas() {
  std::vector<Isa> isas;
  for (const Known& known : kKnown)
    if (known.isa != Isa::automatic && available(known.isa)) isas.push_back(known.isa);
  return isas;
}

Isa best_isa() { return available_isas().back(); }

Isa resolve_isa(Isa isa) {
  if (isa == Isa::automatic) return best_isa();
  if (!available(isa)) throw Error("isa: " + std::string(isa_name(isa)) + " is not available here, only up to " + std::string(isa_name(best_isa())));
  return isa;
}

template <>
const Kernels<float>& kernels(Isa isa) {
#if defined(FW_OMP_X86)
  if (isa == Isa::avx512) return avx512_float;
  if (isa == Isa::avx2) return avx2_float;
#endif
  static_cast<void>(isa);
  return baseline_float;
}
template <>
const Kernels<double>& kernels(Isa isa) {
#if defined(FW_OMP_X86)
  if (isa == Isa::avx512) return avx512_double;
  if (isa == Isa::avx2) return avx2_double;
#endif
  static_cast<void>(isa);
  return baseline_double;
}

}  // namespace fw::omp
