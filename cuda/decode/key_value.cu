// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Decode on states [Dk,Dv]: v contiguous, the sums over k run down the rows.
//   block   4 TX columns of one value head of one sequence, all rows; KMAX threads, Dk <= KMAX
//   warp    32 consecutive rows of them
//   thread  4 columns of TX rows, in registers from the read to the write (TX float4)
//   shared  rows: KMAX x {alpha,e,q,k}, written and read by the same warp; parts: two sets (tokens alternate) of the warps' sums,
//           KMAX/32 x 2 x 4 TX floats; dots: their sums of q.q, k.k, q.k
// One block barrier per token: 1 the 32 lanes of a warp prepare its 32 rows, 2 t = alpha s and both sums over the warp's rows,
// 3 barrier, sums over the warps in their order, 4 delta, o, s = t + k delta.
// A sum over k is the same tree whatever TX: 8 classes of rows per warp, 4 rows of a class one after the other, then classes
// that differ in bit 2, 1, 0 (in the thread while it has several, then across lanes), then warps.
#include "cuda/decode/launch.cuh"
#include "cuda/decode/prepare.cuh"
#include "cuda/decode/tile.cuh"

namespace fw::cuda::decoding {
namespace {

/// Bytes of shared memory: rows [T][KMAX], dots [T][warps], parts [2][warps][2][columns], z [T][columns].
constexpr std::size_t shared_bytes(int T, int KMAX, int columns) {
  const int warps = KMAX / 32;
  return static_cast<std::size_t>(T * KMAX + T * warps) * sizeof(float4) + static_cast<std::size_t>((4 * warps + T) * columns) * sizeof(float);
}

/// Threads of a multiprocessor that registers must allow: the most that costs no spills (640: 96 registers).
constexpr int resident_threads(int KMAX, int TX, bool vectors) {
  if (!vectors) return KMAX == 256 ? 256 : 512;
  return TX == 16 ? 384 : KMAX == 256 ? 512 : 640;
}

template <class E, int KMAX, int TX, bool Vec>
__global__ __launch_bounds__(KMAX, resident_threads(KMAX, TX, Vec) / KMAX) void key_value_kernel(const __grid_constant__ Params p) {
  constexpr int kWarps = KMAX / 32, kColumns = 4 * TX, kClasses = TX / 4, kLaneRows = 32 / TX, kHeld = 8 / kLaneRows;
  extern __shared__ float4 shared[];
  float4 *const rows = shared, *const dots = rows + p.T * KMAX;
  float *const parts = reinterpret_cast<float*>(dots + p.T * kWarps), *const z = parts + 4 * kWarps * kColumns;

  const int n = blockIdx.z, lane = threadIdx.x % 32, warp = threadIdx.x / 32, x = lane % TX, y = lane / TX;
  const int column = blockIdx.x * kColumns + 4 * x, left = p.Dv - column;
  const Head head = head_of(p, blockIdx.y);
  after_previous();
  const Slots slots = load_slots(p, n);
  const auto raw = load_first<E, KMAX, KMAX>(p, head, n, blockIdx.x * kColumns, kColumns);

  const std::int64_t slot = slot_read(p, slots, n), size = static_cast<std::int64_t>(p.Dk) * p.Dv;
  const bool writes_o = warp == 0 && y == 0;
  E* o = static_cast<E*>(p.o) + (static_cast<std::int64_t>(n) * p.T * p.HV + head.hv) * p.Dv + column;
  if (!in_pool(p, slot)) {
    if (writes_o)
      for (int t = 0; t < p.T; ++t, o += p.HV * p.Dv) store_columns<Vec>(o, float4{}, left);
    return;
  }

  // s[j][m] is row 8 m + j kLaneRows + y of this warp: one pointer walks through them
  float4 s[kClasses][4];
  const int first = warp * 32 + y, rows_left = p.Dk - first, step = kLaneRows * p.Dv;
  const std::uint64_t policy = until_written();
  const float* from = p.states + (slot * p.HV + head.hv) * size + first * p.Dv + column;
#pragma unroll
  for (int i = 0; i < TX; ++i, from += step)
    s[i % kClasses][i / kClasses] = load_state<Vec>(i * kLaneRows < rows_left, from, left, policy);
  before_next();
  const auto store = [&](float* to) {
    to += first * p.Dv + column;
#pragma unroll
    for (int i = 0; i < TX; ++i, to += step)
      if (i * kLaneRows < rows_left) store_state<Vec>(to, s[i % kClasses][i / kClasses], left);
  };

  // 1
  prepare_tokens<E, KMAX, KMAX, kColumns>(p, head, n, blockIdx.x * kColumns, raw, z, dots,
                                          [&](int t, int channel, float4 row) { rows[t * KMAX + channel] = row; });
  __syncwarp();

#pragma unroll 1
  for (int t = 0; t < p.T; ++t, o += p.HV * p.Dv) {
    const float4* const row = rows + t * KMAX + first;
    // 2 (R1), and the sums of t with e (R2) and with q over the rows of this warp
    const auto sweep = [&](int j, float4& r, float4& q) {
      r = q = float4{};
#pragma unroll
      for (int m = 0; m < 4; ++m) {
        const float4 factors = row[8 * m + j * kLaneRows];
        s[j][m] = times(factors.x, s[j][m]);
        r = fma4(factors.y, s[j][m], r);
        q = fma4(factors.z, s[j][m], q);
      }
    };
    float4 r{}, q{};
#pragma unroll
    for (int j = 0; j < (kClasses + 1) / 2; ++j) {
      float4 class_r, class_q;
      sweep(j, class_r, class_q);
      if constexpr (kClasses > 1) {
        float4 other_r, other_q;
        sweep(j + kClasses / 2, other_r, other_q);
        class_r = plus(class_r, other_r);
        class_q = plus(class_q, other_q);
      }
      r = j == 0 ? class_r : plus(r, class_r);
      q = j == 0 ? class_q : plus(q, class_q);
    }
    float sums[8] = {r.x, r.y, r.z, r.w, q.x, q.y, q.z, q.w};
    scatter_sums<8, 16, TX>(sums, lane);
    // of {r, q} x 4 columns this lane now holds kHeld sums, from number y kHeld on
    float* const set = parts + (t & 1) * kWarps * 2 * kColumns;
    float* const part = set + (warp * 2 + y * kHeld / 4) * kColumns + 4 * x + y * kHeld % 4;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) part[i] = sums[i];
    __syncthreads();

    // 3
    const float4* const whole = reinterpret_cast<const float4*>(set) + x;
    r = whole[0];
    q = whole[TX];
#pragma unroll
    for (int i = 1; i < kWarps; ++i) {
      r = plus(r, whole[2 * i * TX]);
      q = plus(q, whole[(2 * i + 1) * TX]);
    }

    // 4 delta, (R3) and (R4); the norms come in here
    const Factors f = factors_of<kWarps>(p, dots + t * kWarps);
    const float4 u = times(f.k, fma4(-f.k, r, reinterpret_cast<const float4*>(z + t * kColumns)[x]));
    if (writes_o) store_columns<Vec>(o, times(f.q, fma4(f.qk, u, q)), left);
#pragma unroll
    for (int m = 0; m < 4; ++m)
#pragma unroll
      for (int j = 0; j < kClasses; ++j) s[j][m] = fma4(row[8 * m + j * kLaneRows].w, u, s[j][m]);
    if (p.snapshots != nullptr) store(p.snapshots + ((static_cast<std::int64_t>(n) * p.T + t) * p.HV + head.hv) * size);
  }
  const std::int64_t target = slot_written(p, slots, n);
  if (in_pool(p, target)) store(p.states + (target * p.HV + head.hv) * size);
}

template <class E, int KMAX, int TX, bool Vec>
void launch(const Params& p, const Device& device, Stream stream) {
  const dim3 grid(static_cast<unsigned>((p.Dv + 4 * TX - 1) / (4 * TX)), static_cast<unsigned>(p.HV), static_cast<unsigned>(p.N));
  enqueue("decode: launch of key_value_kernel", key_value_kernel<E, KMAX, TX, Vec>, p, grid, KMAX, shared_bytes(p.T, KMAX, 4 * TX), device, stream);
}

template <class E, int KMAX>
void launch_width(const Params& p, bool vectors, DecodeTiling tiling, const Device& device, Stream stream) {
  if (!vectors) return launch<E, KMAX, 8, false>(p, device, stream);
  if (tiling == DecodeTiling::automatic) {
    tiling = tiling_for(p, 64, device);
    if (KMAX == 256 && tiling == DecodeTiling::large) tiling = DecodeTiling::medium;  // a multiprocessor has room for one large block
  }
  if (tiling == DecodeTiling::small) return launch<E, KMAX, 4, true>(p, device, stream);
  if (tiling == DecodeTiling::medium) return launch<E, KMAX, 8, true>(p, device, stream);
  launch<E, KMAX, 16, true>(p, device, stream);
}

template <class E>
void launch_element(const Params& p, bool vectors, DecodeTiling tiling, const Device& device, Stream stream) {
  if (p.Dk <= 64) return launch_width<E, 64>(p, vectors, tiling, device, stream);
  if (p.Dk <= 128) return launch_width<E, 128>(p, vectors, tiling, device, stream);
  launch_width<E, 256>(p, vectors, tiling, device, stream);
}

}  // namespace

void launch_key_value(const Params& p, DType tensors, bool vectors, DecodeTiling tiling, const Device& device, Stream stream) {
  if (tensors == DType::bf16) return launch_element<__nv_bfloat16>(p, vectors, tiling, device, stream);
  if (tensors == DType::f16) return launch_element<__half>(p, vectors, tiling, device, stream);
  launch_element<float>(p, vectors, tiling, device, stream);
}

}  // namespace fw::cuda::decoding
