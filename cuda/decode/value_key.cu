// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Decode on states [Dv,Dk]: k contiguous, the sums over k run across lanes.
//   block   4 warps, 4 (32 / Lanes) R values of one value head of one sequence, all channels; Dk <= KMAX
//   warp    R rows of S for each group of Lanes lanes (16 for KMAX 64, else 32)
//   thread  4 channels (8 for KMAX 256) of R rows, in registers from the read to the write (R float4, or 2 R)
//   shared  sides: [T][4][KMAX], alpha, e, q and k of all channels; dots [T][4], z [T][values]
// 1 the block prepares all tokens, one barrier; then every warp by itself, token by token: 2 t = alpha s and both sums over the
// lane's channels, 3 the 2 R sums across lanes at the price of about 2 R exchanges, after which a lane has r and p of one row,
// 4 delta and o of that row, 5 s = t + k delta with delta handed to all lanes.
// A sum over k is the same tree whatever R: the lane's channels in order, then lanes by masks Lanes/2, ..., 1.
#include "cuda/decode/launch.cuh"
#include "cuda/decode/prepare.cuh"
#include "cuda/decode/tile.cuh"

namespace fw::cuda::decoding {
namespace {

constexpr int kThreads = 128, kWarps = kThreads / 32;

/// Bytes of shared memory: sides [T][4][KMAX], dots [T][warps], z [T][values].
constexpr std::size_t shared_bytes(int T, int KMAX, int values) {
  return static_cast<std::size_t>(T) * ((KMAX + kWarps) * sizeof(float4) + static_cast<std::size_t>(values) * sizeof(float));
}

/// Blocks of a multiprocessor that registers must allow: the most that costs no spills (5: 96 registers, 4: 128).
constexpr int resident_blocks(int KMAX, int R) {
  if (KMAX == 256) return R == 8 ? 3 : 4;
  return R == 16 ? 4 : R == 8 ? 5 : R == 4 ? 6 : 8;
}

template <class E, int KMAX, int R, bool Vec>
__global__ __launch_bounds__(kThreads, resident_blocks(KMAX, R)) void value_key_kernel(const __grid_constant__ Params p) {
  constexpr int kLanes = KMAX == 64 ? 16 : 32, kPieces = KMAX == 256 ? 2 : 1, kGroups = 32 / kLanes, kValues = kWarps * kGroups * R;
  constexpr int kLanesPerRow = kLanes / 2 / R;  // that hold the sums of one row after step 3, in each half
  static_assert(kLanesPerRow >= 1);
  extern __shared__ float4 shared[];
  float4* const dots = shared + p.T * KMAX;
  float *const sides = reinterpret_cast<float*>(shared), *const z = reinterpret_cast<float*>(dots + p.T * kWarps);

  const int n = blockIdx.z, lane = threadIdx.x % 32, group = lane / kLanes, in_group = lane % kLanes;
  const int block_value = blockIdx.x * kValues, warp_value = (threadIdx.x / 32) * kGroups * R;
  const Head head = head_of(p, blockIdx.y);
  after_previous();
  const Slots slots = load_slots(p, n);
  const auto raw = load_first<E, kThreads, KMAX>(p, head, n, block_value, kValues);

  const std::int64_t slot = slot_read(p, slots, n), size = static_cast<std::int64_t>(p.Dk) * p.Dv;
  // after step 3 this lane looks after one row
  const int my_row = in_group % (kLanes / 2) / kLanesPerRow, my_value = warp_value + my_row * kGroups + group;
  const bool writes_o = in_group < kLanes / 2 && in_group % kLanesPerRow == 0 && block_value + my_value < p.Dv;
  E* o = static_cast<E*>(p.o) + (static_cast<std::int64_t>(n) * p.T * p.HV + head.hv) * p.Dv + block_value + my_value;
  if (!in_pool(p, slot)) {
    if (writes_o)
      for (int t = 0; t < p.T; ++t, o += p.HV * p.Dv) *o = from_float<E>(0.0f);
    return;
  }

  // s[i][c] is row i kGroups + group of the warp, channels 128 c + 4 in_group ...
  float4 s[R][kPieces];
  const int first = block_value + warp_value + group, rows_left = p.Dv - first, step = kGroups * p.Dk;
  const std::uint64_t policy = until_written();
  const float* from = p.states + (slot * p.HV + head.hv) * size + first * p.Dk + 4 * in_group;
#pragma unroll
  for (int i = 0; i < R; ++i, from += step)
#pragma unroll
    for (int c = 0; c < kPieces; ++c)
      s[i][c] = load_state<Vec>(i * kGroups < rows_left, from + 128 * c, p.Dk - 128 * c - 4 * in_group, policy);
  before_next();
  const auto store = [&](float* to) {
    to += first * p.Dk + 4 * in_group;
#pragma unroll
    for (int i = 0; i < R; ++i, to += step)
#pragma unroll
      for (int c = 0; c < kPieces; ++c)
        if (i * kGroups < rows_left) store_state<Vec>(to + 128 * c, s[i][c], p.Dk - 128 * c - 4 * in_group);
  };

  // 1
  prepare_tokens<E, kThreads, KMAX, kValues>(p, head, n, block_value, raw, z, dots, [&](int t, int channel, float4 side) {
    float* const at = sides + t * 4 * KMAX + channel;
    at[0] = side.x, at[KMAX] = side.y, at[2 * KMAX] = side.z, at[3 * KMAX] = side.w;
  });
  __syncthreads();

#pragma unroll 1
  for (int t = 0; t < p.T; ++t, o += p.HV * p.Dv) {
    const float4* const side = reinterpret_cast<const float4*>(sides + t * 4 * KMAX) + in_group;
    // 2 (R1), and the sums of t with e (R2) and with q
    float sums[2 * R];
#pragma unroll
    for (int c = 0; c < kPieces; ++c) {
      const float4 alpha = side[32 * c], e = side[KMAX / 4 + 32 * c], q = side[KMAX / 2 + 32 * c];
#pragma unroll
      for (int i = 0; i < R; ++i) {
        float4& x = s[i][c];
        x = make_float4(__fmul_rn(alpha.x, x.x), __fmul_rn(alpha.y, x.y), __fmul_rn(alpha.z, x.z), __fmul_rn(alpha.w, x.w));
        sums[i] = fmaf(e.w, x.w, fmaf(e.z, x.z, fmaf(e.y, x.y, c == 0 ? __fmul_rn(e.x, x.x) : fmaf(e.x, x.x, sums[i]))));
        sums[R + i] = fmaf(q.w, x.w, fmaf(q.z, x.z, fmaf(q.y, x.y, c == 0 ? __fmul_rn(q.x, x.x) : fmaf(q.x, x.x, sums[R + i]))));
      }
    }
    // 3 the first exchange leaves the sums with e in the lower half of the lanes, those with q in the upper; the next ones choose rows
    scatter_sums<2 * R, kLanes / 2, 1>(sums, in_group);
    const float other = __shfl_xor_sync(kAllLanes, sums[0], kLanes / 2);
    const bool upper = in_group >= kLanes / 2;
    const float r = upper ? other : sums[0], q_sum = upper ? sums[0] : other;

    // 4 delta, and (R4); the norms come in here
    const Factors f = factors_of<(KMAX < kThreads ? KMAX : kThreads) / 32>(p, dots + t * kWarps);
    const float u = __fmul_rn(f.k, fmaf(-f.k, r, z[t * kValues + my_value]));
    if (writes_o) *o = from_float<E>(__fmul_rn(f.q, fmaf(f.qk, u, q_sum)));

    // 5 (R3)
#pragma unroll
    for (int i = 0; i < R; ++i) {
      const float row_u = __shfl_sync(kAllLanes, u, group * kLanes + i * kLanesPerRow);
#pragma unroll
      for (int c = 0; c < kPieces; ++c) s[i][c] = fma4(row_u, side[3 * (KMAX / 4) + 32 * c], s[i][c]);
    }
    if (p.snapshots != nullptr) store(p.snapshots + ((static_cast<std::int64_t>(n) * p.T + t) * p.HV + head.hv) * size);
  }
  const std::int64_t target = slot_written(p, slots, n);
  if (in_pool(p, target)) store(p.states + (target * p.HV + head.hv) * size);
}

template <class E, int KMAX, int R, bool Vec>
void launch(const Params& p, const Device& device, Stream stream) {
  constexpr int kValues = kWarps * (KMAX == 64 ? 2 : 1) * R;
  const dim3 grid(static_cast<unsigned>((p.Dv + kValues - 1) / kValues), static_cast<unsigned>(p.HV), static_cast<unsigned>(p.N));
  enqueue("decode: launch of value_key_kernel", value_key_kernel<E, KMAX, R, Vec>, p, grid, kThreads, shared_bytes(p.T, KMAX, kValues), device, stream);
}

template <class E, int KMAX>
void launch_width(const Params& p, bool vectors, DecodeTiling tiling, const Device& device, Stream stream) {
  constexpr int kLarge = KMAX == 128 ? 16 : 8;  // 32 KiB of a state for a block, 16 KiB where KMAX is 64
  if (!vectors) return launch<E, KMAX, 4, false>(p, device, stream);
  if (tiling == DecodeTiling::automatic) tiling = tiling_for(p, KMAX == 256 ? 32 : 64, device);
  if (tiling == DecodeTiling::small) return launch<E, KMAX, kLarge / 4, true>(p, device, stream);
  if (tiling == DecodeTiling::medium) return launch<E, KMAX, kLarge / 2, true>(p, device, stream);
  launch<E, KMAX, kLarge, true>(p, device, stream);
}

template <class E>
void launch_element(const Params& p, bool vectors, DecodeTiling tiling, const Device& device, Stream stream) {
  if (p.Dk <= 64) return launch_width<E, 64>(p, vectors, tiling, device, stream);
  if (p.Dk <= 128) return launch_width<E, 128>(p, vectors, tiling, device, stream);
  launch_width<E, 256>(p, vectors, tiling, device, stream);
}

}  // namespace

void launch_value_key(const Params& p, DType tensors, bool vectors, DecodeTiling tiling, const Device& device, Stream stream) {
  if (tensors == DType::bf16) return launch_element<__nv_bfloat16>(p, vectors, tiling, device, stream);
  if (tensors == DType::f16) return launch_element<__half>(p, vectors, tiling, device, stream);
  launch_element<float>(p, vectors, tiling, device, stream);
}

}  // namespace fw::cuda::decoding
