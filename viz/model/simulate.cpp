// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One or two runs, from their first token to their last, in a single pass: every step by the naive references, every number over
// time from the state while it is at hand. The columns of a state go their own ways, so wide ones are cut into pieces for several
// threads, by their width alone: the results do not depend on how many there are. Between slices of tokens all meet, sums over
// the pieces are made, and whoever looks from outside is told how far it has come.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.h"
#include "viz/model/quantities.h"
#include "viz/model/rule.h"
#include "viz/model/run.h"

namespace fw::viz {
namespace {

using Matrix = naive::Matrix<double>;
using Vector = naive::Vector<double>;
using Row = Eigen::Map<const Eigen::RowVectorXd>;

constexpr int kSlice = 128;  // tokens between two meetings
constexpr int kPiece = 64;   // columns of a piece

/// What a piece adds at one token: squares of norms, largest absolute value.
struct Sums {
  double state = 0, decay = 0, total = 0, erase = 0, write = 0, largest = 0;
};
struct Asked {
  double along = 0, answer = 0, apart = 0;  ///< S^T k.v*, |S^T k|^2, |S^T k - v*|^2
};

/// Some columns of a state.
struct Piece {
  int first = 0;
  Matrix S, before;
  Vec rows;  ///< squared norms of the rows of S
  std::vector<Sums> sums;
  std::vector<Asked> asked;
  naive::StepRecord<double> record;
  Vector o;
};

}  // namespace

/// One run on its way.
class Walk {
 public:
  Walk(Run& run, int from, const std::vector<int>& firsts) : run_(run), line_(*run.timeline_), known_(run.length()), start_(from) {
    Grid start = from == known_ ? run.last_ : state_at(from);
    for (std::size_t n = 0; n < firsts.size(); ++n) {
      Piece piece;
      piece.first = firsts[n];
      const int end = n + 1 < firsts.size() ? firsts[n + 1] : start.cols;
      piece.S = naive::ConstMatrixMap<double>(start.a.data(), start.rows, start.cols).middleCols(piece.first, end - piece.first);
      piece.rows.resize(static_cast<std::size_t>(start.rows));
      find_rows(piece);
      pieces_.push_back(std::move(piece));
    }
  }
  int length() const { return line_.length(); }

  /// Room for tokens (from, to], and what does not ask for a state: the gates.
  void begin(int from, int to) {
    from_ = std::max(from, known_), to_ = std::min(to, length());
    if (to_ <= from_) return;
    const auto count = static_cast<std::size_t>(to_ - from_);
    run_.gates_.resize(static_cast<std::size_t>(to_));
    Series& s = run_.series_;
    for (Vec* v : {&s.state, &s.decay, &s.erase, &s.write, &s.total, &s.beta, &s.growth, &s.kda, &s.gdn, &s.delta})
      v->resize(static_cast<std::size_t>(to_));
    lost_.resize(count);
    for (Piece& p : pieces_) p.sums.assign(count, {}), p.asked.assign(count * run_.recall_.size(), {});
    for (int t = from_ + 1; t <= to_; ++t)
      if (t % run_.distance_ == 0) run_.keep();
  }
  /// Token t of those, on any thread.
  void measure_gates(int t) {
    if (t <= from_ || t > to_) return;
    const auto i = static_cast<std::size_t>(t - 1);
    const Entry& entry = line_.entries[i];
    Gates& gates = run_.gates_[i] = gates_of(entry, run_.head_);
    const CollapseGauge apart = collapse_gauge(gates);
    run_.series_.kda[i] = apart.kda, run_.series_.gdn[i] = apart.gdn, run_.series_.delta[i] = apart.delta;
    Vec& lost = lost_[static_cast<std::size_t>(t - 1 - from_)];
    lost.clear();
    for (const double g : gates.g) lost.push_back(entry.kind == EntryKind::surgery ? 0.0 : (1.0 - std::exp(g)) * (1.0 - std::exp(g)));
  }
  /// Piece n through token t.
  void step(std::size_t n, int t) {
    if (t > length()) return;
    Piece& p = pieces_[n];
    if (t <= known_ && run_.distance_ == 1) return;  // it is there
    const auto i = static_cast<std::size_t>(t - 1);
    const bool measured = t > known_;
    if (t == known_ + 1 && start_ < known_) catch_up(p);
    if (measured) p.before = p.S;
    advance(p.S, line_, t - 1, run_.head_, run_.gates_[i], p.record, p.o, false, p.first);
    if (measured) measure(p, n, t);
  }
  /// ||A - B||^2 of piece n after token t.
  static double apart(const Walk& a, const Walk& b, std::size_t n, int t) {
    double sum = 0.0;
    for (Eigen::Index i = 0; i < a.pieces_[n].S.rows(); ++i) sum += (a.row(n, t, i) - b.row(n, t, i)).squaredNorm();
    return sum;
  }
  /// All pieces are there.
  void end() {
    for (int t = from_ + 1; t <= to_; ++t) {
      const auto i = static_cast<std::size_t>(t - 1), at = static_cast<std::size_t>(t - 1 - from_);
      Sums whole;
      for (const Piece& p : pieces_) {
        const Sums& s = p.sums[at];
        whole.state += s.state, whole.decay += s.decay, whole.total += s.total, whole.erase += s.erase, whole.write += s.write;
        whole.largest = std::max(whole.largest, s.largest);
      }
      Series& s = run_.series_;
      const double length_k = norm(line_.entries[i].k);
      s.state[i] = std::sqrt(whole.state), s.decay[i] = std::sqrt(whole.decay), s.total[i] = std::sqrt(whole.total);
      s.erase[i] = length_k * std::sqrt(whole.erase), s.write[i] = length_k * std::sqrt(whole.write);
      run_.largest_ = std::max(run_.largest_, whole.largest);
      if (asks(t)) recall(t, at);
    }
  }
  /// After the last token.
  void finish() {
    if (known_ >= length()) return;
    for (std::size_t n = 0; n < pieces_.size(); ++n) copy(n, run_.last_);
    run_.spare_.clear();
  }

 private:
  bool asks(int t) const { return run_.distance_ > 1 && t % run_.stride_ == 0; }
  static void find_rows(Piece& p) {
    for (Eigen::Index i = 0; i < p.S.rows(); ++i) p.rows[static_cast<std::size_t>(i)] = p.S.row(i).squaredNorm();
  }
  /// Before the first token that is new, when others were gone through.
  void catch_up(Piece& p) const {
    if (run_.distance_ == 1) {
      const Grid& kept = run_.checkpoints_[static_cast<std::size_t>(known_)];
      p.S = naive::ConstMatrixMap<double>(kept.a.data(), kept.rows, kept.cols).middleCols(p.first, p.S.cols());
    }
    find_rows(p);
  }
  Grid state_at(int t) const {
    const int block = t / run_.distance_;
    if (t % run_.distance_ == 0) return run_.checkpoints_[static_cast<std::size_t>(block)];
    std::vector<Grid> states;
    run_.recompute(block, t, states);
    return std::move(states.back());
  }
  Row row(std::size_t n, int t, Eigen::Index i) const {
    const Piece& p = pieces_[n];
    if (t > known_ || run_.distance_ > 1) return Row(p.S.data() + i * p.S.cols(), p.S.cols());
    return Row(run_.checkpoints_[static_cast<std::size_t>(t)].a.data() + i * line_.dv + p.first, p.S.cols());
  }
  void copy(std::size_t n, Grid& to) const {
    const Piece& p = pieces_[n];
    for (Eigen::Index i = 0; i < p.S.rows(); ++i)
      std::copy_n(p.S.data() + i * p.S.cols(), p.S.cols(), to.a.data() + i * line_.dv + p.first);
  }
  void measure(Piece& p, std::size_t n, int t) {
    const auto i = static_cast<std::size_t>(t - 1), at = static_cast<std::size_t>(t - 1 - from_);
    Sums& s = p.sums[at];
    for (std::size_t r = 0; r < p.rows.size(); ++r) s.decay += lost_[at][r] * p.rows[r];
    for (Eigen::Index r = 0; r < p.S.rows(); ++r) {
      const Row now(p.S.data() + r * p.S.cols(), p.S.cols()), then(p.before.data() + r * p.S.cols(), p.S.cols());
      const double square = p.rows[static_cast<std::size_t>(r)] = now.squaredNorm();
      s.state += square;
      s.total += (now - then).squaredNorm();
      s.largest = std::max(s.largest, now.cwiseAbs().maxCoeff());
    }
    s.erase = p.record.r.squaredNorm(), s.write = p.record.z.squaredNorm();
    if (n == 0) {  // the same in every piece
      const Vec e(p.record.e.data(), p.record.e.data() + p.record.e.size());
      run_.series_.beta[i] = dot(line_.entries[i].k, e);
      run_.series_.growth[i] = erase_gauge(line_.entries[i].k, e).sigma_max;
    }
    if (t % run_.distance_ == 0) copy(n, run_.checkpoints_[static_cast<std::size_t>(t / run_.distance_)]);
    if (!asks(t)) return;
    for (std::size_t f = 0; f < run_.recall_.size(); ++f) {
      const Fact& fact = line_.facts[f];
      const Intent* intent = fact.at(t);
      if (intent == nullptr) continue;
      const naive::ConstVectorMap<double> k(fact.k.data(), p.S.rows()), wanted(intent->value.data() + p.first, p.S.cols());
      const Vector answer = p.S.transpose() * k;
      p.asked[at * run_.recall_.size() + f] = {answer.dot(wanted), answer.squaredNorm(), (answer - wanted).squaredNorm()};
    }
  }
  void recall(int t, std::size_t at) {
    for (std::size_t f = 0; f < run_.recall_.size(); ++f) {
      constexpr double nan = std::numeric_limits<double>::quiet_NaN();
      const Intent* intent = line_.facts[f].at(t);
      Asked sum;
      for (const Piece& p : pieces_) {
        const Asked& part = p.asked[at * run_.recall_.size() + f];
        sum.along += part.along, sum.answer += part.answer, sum.apart += part.apart;
      }
      const double wanted = intent == nullptr ? nan : norm(intent->value), answer = std::sqrt(sum.answer);
      run_.recall_[f].cosine.push_back(sum.along / (answer * wanted));
      run_.recall_[f].norm_ratio.push_back(answer / wanted);
      run_.recall_[f].residual.push_back(intent == nullptr ? nan : 0.5 * sum.apart);
    }
  }

  Run& run_;
  const Timeline& line_;
  const int known_;  ///< tokens that were simulated before
  const int start_;
  int from_ = 0, to_ = 0;  ///< new ones of this slice: (from_, to_]
  std::vector<Piece> pieces_;
  std::vector<Vec> lost_;  ///< (1 - alpha)^2 of these
};

void bring_forward(Run& a, Run* b, Vec& divergence, Work* work) {
  const int T_a = a.timeline().length(), T_b = b == nullptr ? 0 : b->timeline().length(), both = b == nullptr ? -1 : std::min(T_a, T_b);
  int from = std::min(a.length(), T_a);
  if (b != nullptr) from = std::min({from, b->length(), std::max(0, static_cast<int>(divergence.size()) - 1)});
  const int last = std::max(a.length() < T_a ? T_a : both, b != nullptr && b->length() < T_b ? T_b : both);
  const int columns = a.timeline().dv;
  std::vector<int> firsts = {0};
  if (columns_apart(a.head()) && (b == nullptr || columns_apart(b->head())))
    for (int first = kPiece; first + kPiece <= columns; first += kPiece) firsts.push_back(first);
  std::vector<Walk> walks;
  walks.reserve(2);
  walks.emplace_back(a, from, firsts);
  if (b != nullptr) walks.emplace_back(*b, from, firsts);
  const std::size_t pieces = firsts.size();
  std::vector<Vec> apart(pieces, Vec(kSlice));
  const auto measure = [&](int t, double square) {
    const double distance = std::sqrt(square), whole = t == 0 ? norm(a.state(0)) : a.series().state[static_cast<std::size_t>(t - 1)];
    divergence[static_cast<std::size_t>(t)] = distance == 0.0 ? 0.0 : distance / whole;
  };
  if (b != nullptr && divergence.size() < static_cast<std::size_t>(both) + 1) divergence.resize(static_cast<std::size_t>(both) + 1);
  if (b != nullptr && from == 0) {
    double square = 0.0;
    for (std::size_t n = 0; n < pieces; ++n) square += Walk::apart(walks[0], walks[1], n, 0);
    measure(0, square);
  }
  for (int begin = from; begin < last; begin += kSlice) {
    const int end = std::min(begin + kSlice, last);
    if (work != nullptr) work->report(static_cast<double>(begin - from) / (last - from));
    for (Walk& w : walks) w.begin(begin, end);
    const int groups = end - begin < 16 ? 1 : available_threads();
    parallel_for(groups, 0, [&](index_t g) {
      for (int t = begin + 1 + static_cast<int>(g); t <= end; t += groups)
        for (Walk& w : walks) w.measure_gates(t);
    });
    parallel_for(static_cast<index_t>(pieces), end - begin < 4 ? 1 : 0, [&](index_t piece) {
      const auto n = static_cast<std::size_t>(piece);
      for (int t = begin + 1; t <= end; ++t) {
        for (Walk& w : walks) w.step(n, t);
        if (t <= both) apart[n][static_cast<std::size_t>(t - 1 - begin)] = Walk::apart(walks[0], walks[1], n, t);
      }
    });
    for (Walk& w : walks) w.end();
    for (int t = begin + 1; t <= std::min(end, both); ++t) {
      double square = 0.0;
      for (const Vec& of_piece : apart) square += of_piece[static_cast<std::size_t>(t - 1 - begin)];
      measure(t, square);
    }
  }
  for (Walk& w : walks) w.finish();
}

}  // namespace fw::viz
