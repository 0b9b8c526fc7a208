// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Which instruction set the kernels use. They are compiled once for each (simd/kernels_<isa>.cpp) and chosen when the
// program runs, so one binary serves every CPU of the architecture. `baseline` is what the compiler targets by default:
// SSE2 on x86-64, NEON on ARM.
#pragma once

#include <string_view>
#include <vector>

namespace fw::omp {

enum class Isa { automatic, baseline, avx2, avx512 };

/// "baseline", "avx2", "avx512"; automatic resolves to best_isa().
std::string_view isa_name(Isa isa);
/// By name, "auto" included; throws with the list of names when unknown.
Isa isa_from_name(std::string_view name);
/// Those this build has and this CPU can run, slowest first. Never empty.
std::vector<Isa> available_isas();
Isa best_isa();
/// `isa`, or the best one for automatic. Throws when this build or CPU lacks it.
Isa resolve_isa(Isa isa);

}  // namespace fw::omp
