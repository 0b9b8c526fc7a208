// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The one table of rules. Every row of the delta-rule family is
//   (R1) S_decayed = Diag(alpha) S_prev   (R2) r = S_decayed^T e   (R3) S = S_decayed + k (z - r)^T   (R4) o = scale S^T q
// with another gate structure: what alpha, e and z are made of. Mamba-3 and attention have their own rules.
// A new variant is one row here, one file in naive/ and one in naive/vjp/.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace fw {

enum class Variant { linear, mamba2, gla, delta, gdn, kda, gdn2_write, gdn2_erase, gdn2, mamba3, mamba3_mimo, softmax, swa };

/// none: alpha = 1; scalar: one log-decay per token and head, g [B,T,H|HV]; channel: g [B,T,H|HV,Dk].
enum class Decay { none, scalar, channel };
/// none: e = 0; scalar: e = beta k, beta [B,T,HV]; channel: e = b (.) k, b [B,T,H|HV,Dk]; mean: e = mean_i(b) k.
enum class Erase { none, scalar, channel, mean };
/// one: z = v; scalar: z = beta v; channel: z = w (.) v, w [B,T,HV,Dv]; mean: z = mean_j(w) v.
enum class Write { one, scalar, channel, mean };
enum class Family { delta_rule, mamba3, attention };

struct VariantInfo {
  Variant id;
  std::string_view name;      ///< the name in files and on the command line, e.g. "gdn2"
  std::string_view title;     ///< "Gated DeltaNet-2"
  std::string_view equation;  ///< the step in one line
  std::string_view source;    ///< paper
  std::string_view collapse;  ///< which gates turn it into which narrower rule
  Family family;
  Decay decay;
  Erase erase;
  Write write;
};

std::span<const VariantInfo> variants();
const VariantInfo& info(Variant id);
/// By name or usual alias ("deltanet", "gated-deltanet-2", ...); throws with the list of names when unknown.
Variant variant_from_name(std::string_view name);

}  // namespace fw
