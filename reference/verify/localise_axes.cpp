// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <fmt/format.h>

#include <optional>

#include "verify/localise.h"

namespace fw::verify {
namespace {

index_t size_of(Axis axis, const Geometry& geo) {
  switch (axis) {
    case Axis::batch: return geo.B;
    case Axis::time: return geo.T;
    case Axis::key_head: return geo.H;
    case Axis::value_head: return geo.HV;
    case Axis::rank: return geo.M;
    case Axis::key_channel: return geo.Dk;
    case Axis::value_channel: return geo.Dv;
    case Axis::sequence: return geo.N;
    case Axis::pair: return geo.P;
  }
  throw Error("axes_of: unknown axis");
}

bool fits(const std::vector<Axis>& axes, const Shape& shape, const Geometry& geo) {
  if (shape.rank() != static_cast<index_t>(axes.size())) return false;
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (shape[static_cast<index_t>(i)] != size_of(axes[i], geo)) return false;
  return true;
}

/// "do" and "dq" are laid out like o and q; "dt" and "dt_bias" are inputs themselves.
std::string_view primal(std::string_view name) {
  if (name.starts_with("d") && name.size() > 1 && name != "dt" && name != "dt_bias") name.remove_prefix(1);
  return name;
}

/// Every layout the name may have, the likelier first.
std::vector<std::vector<Axis>> layouts(std::string_view name) {
  using enum Axis;
  if (name == "q" || name == "k") return {{batch, time, key_head, key_channel}, {batch, time, key_head, rank, key_channel}};
  if (name == "o" || name == "v") return {{batch, time, value_head, value_channel}, {batch, time, value_head, rank, value_channel}};
  if (name == "w") return {{batch, time, value_head, value_channel}};
  if (name == "g") {
    return {
        {batch, time, value_head, key_channel}, {batch, time, key_head, key_channel}, {batch, time, value_head}, {batch, time, key_head}};
  }
  if (name == "b") return {{batch, time, value_head, key_channel}, {batch, time, key_head, key_channel}};
  if (name == "beta" || name == "dt" || name == "lambda") return {{batch, time, value_head}};
  if (name == "theta") return {{batch, time, value_head, pair}};
  if (name == "A_log") return {{value_head}, {key_head}};
  if (name == "dt_bias") return {{value_head}, {key_head}, {value_head, key_channel}, {key_head, key_channel}};
  if (name == "initial_state" || name == "final_state") return {{sequence, value_head, key_channel, value_channel}};
  if (name == "initial_angle" || name == "final_angle") return {{sequence, value_head, pair}};
  if (name == "initial_key" || name == "final_key") return {{sequence, value_head, key_channel}, {sequence, value_head, rank, key_channel}};
  if (name == "initial_value" || name == "final_value") {
    return {{sequence, value_head, value_channel}, {sequence, value_head, rank, value_channel}};
  }
  return {};
}

}  // namespace

std::vector<Axis> axes_of(std::string_view tensor_name, const Shape& shape, const Geometry& geometry) {
  const auto known = layouts(primal(tensor_name));
  if (known.empty()) throw Error(fmt::format("axes_of: unknown tensor \"{}\"", tensor_name));
  for (const auto& axes : known)
    if (fits(axes, shape, geometry)) return axes;
  throw Error(fmt::format("axes_of: {} {} does not fit B={} T={} H={} HV={} M={} Dk={} Dv={} N={} P={}", tensor_name, shape.str(),
                          geometry.B, geometry.T, geometry.H, geometry.HV, geometry.M, geometry.Dk, geometry.Dv, geometry.N, geometry.P));
}

}  // namespace fw::verify
