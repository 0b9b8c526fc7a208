// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The two stages of the chunkwise forward, each alone: the factors that are left in the workspace against those of chunkwise in double, and
// the scan against the same steps in double from the very factors that it read.
#include "chunkwise/stages.h"
#include "cuda/chunk/params.h"
#include "cuda/errors_fixture.h"

using namespace fw;
using namespace fw::test;
using Mat = chunkwise::Matrix<double>;

namespace {

/// The factors of a slot and head as they are on the device.
struct DecodedImage {
  Mat Q, K, A, W, Tinv, gamma;
  DecodedImage(const std::vector<std::byte>& workspace, index_t number, index_t Dk, bool erase) {
    const int Kp = cuda::chunk::padded_width(Dk);
    const cuda::chunk::Image image{Kp, erase};
    const std::byte* at = workspace.data() + number * image.bytes();
    const auto part = [&](int from, index_t columns) {
      Mat m(64, columns);
      for (index_t i = 0; i < 64; ++i)
        for (index_t c = 0; c < columns; ++c) {
          std::uint16_t bits = 0;
          std::memcpy(&bits, at + from + c / 64 * 8192 + i * 128 + (c % 64 / 8 ^ i % 8) * 16 + c % 8 * 2, 2);
          m(i, c) = bf16_value(bits);
        }
      return m;
    };
    Q = part(image.q(), Dk), K = part(image.k(), Dk), A = part(image.a(), 64);
    if (erase) W = part(image.w(), Dk), Tinv = part(image.t(), 64);
    gamma.resize(1, Dk);
    for (index_t c = 0; c < Dk; ++c) {
      float x = 0;
      std::memcpy(&x, at + image.gamma() + 4 * c, 4);
      gamma(0, c) = x;
    }
  }
};

double difference(const Mat& x, const Mat& truth) {
  const double size = truth.norm();
  return size == 0.0 ? x.norm() : (x - truth).norm() / size;
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("cuda stages: factors match chunkwise, the scan what they make") {
  for (const Variant variant : delta_variants())
    for (const char* shape : {"B2-T150-H2-Dk128-Dv64", "B1-T100-H1-HV2-Dk64-Dv32-gHV-bHV-l2norm", "T200-H1-Dk100-Dv48-cu0,0,15,15,80,200"}) {
      CAPTURE(info(variant).name);
      CAPTURE(std::string(shape));
      const Problem p = problem_of(variant, shape, "typical", DType::bf16, DType::f32);
      ForwardRun run(p, DType::bf16, DType::f32, cuda::StateLayout::key_value, 1);
      run.run();
      const std::vector<std::byte> workspace = run.workspace_bytes();
      const Tensor<double> o = run.o(), last = run.final_state();
      const Geometry geo = check_inputs("stages", p.in, p.options);
      const bool erase = info(variant).erase != Erase::none;
      const index_t Dk = geo.Dk, Dv = geo.Dv;
      const bool own_heads = geo.HV == geo.H || info(variant).erase == Erase::scalar || (geo.g_heads == geo.HV && info(variant).decay != Decay::none) || geo.b_heads == geo.HV;
      const index_t heads = own_heads ? geo.HV : geo.H;
      double factors = 0, scan = 0;
      for (index_t n = 0; n < geo.N; ++n)
        for (index_t hv = 0; hv < geo.HV; ++hv) {
          const chunkwise::Head<double> head{p.in, geo, p.options, n, hv};
          const auto& sequence = head.sequence();
          const index_t start = p.in.cu_seqlens.empty() ? n * geo.T : p.in.cu_seqlens[static_cast<std::size_t>(n)];
          Mat S = head.initial_state();
          for (index_t first = 0; first < sequence.length; first += 64) {
            chunkwise::Settings settings;
            chunkwise::ChunkFactors<double> f;
            chunkwise::prepare_chunk(head, first, settings, f);
            const index_t slot = start / 64 + n + first / 64, C = f.rows();
            const DecodedImage image(workspace, slot * heads + (heads == geo.HV ? hv : head.key_head()), Dk, erase);
            const auto see = [&](const Mat& got, const Mat& truth) { factors = std::max(factors, difference(got, truth)); };
            see(image.Q.topRows(C), f.scale * f.Q_gamma), see(image.K.topRows(C), f.K_tail), see(image.A.topLeftCorner(C, C), f.A_qk);
            see(image.gamma, f.decay.gamma.row(C - 1));
            if (erase) see(image.Tinv.topLeftCorner(C, C), f.A_inv), see(-image.W.topRows(C), f.Y);
            // The scan in double from the image; operands that the kernel rounds are not rounded here.
            Mat Z(C, Dv);
            for (index_t i = 0; i < C * Dv; ++i) Z.data()[i] = round_to(DType::bf16, f.z.data()[i]);
            const Mat U = erase ? Mat(image.Tinv.topLeftCorner(C, C) * Z + image.W.topRows(C) * S) : Z;
            const Mat O = image.Q.topRows(C) * S + image.A.topLeftCorner(C, C) * U;
            S = Mat(image.gamma.transpose().asDiagonal() * S) + image.K.topRows(C).transpose() * U;
            Mat got(C, Dv);
            for (index_t t = 0; t < C; ++t)
              for (index_t v = 0; v < Dv; ++v) got(t, v) = o[((start + first + t) * geo.HV + hv) * Dv + v];
            scan = std::max(scan, difference(got, O));
          }
          Mat got(Dk, Dv);
          for (index_t i = 0; i < Dk * Dv; ++i) got.data()[i] = last[(n * geo.HV + hv) * Dk * Dv + i];
          scan = std::max(scan, difference(got, S));
        }
      CHECK(factors <= 6e-3);
      CHECK(scan <= 6e-3);
    }
}

TEST_SUITE_END();
