// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One thread records a graph while others go on. What allocates, frees, copies on the default stream or loads a kernel (its first launch
// does) can invalidate that recording from any thread: such calls pass the gate together, a recording passes it alone.
#pragma once

#include <mutex>
#include <shared_mutex>

namespace fw::cuda {

namespace capture_gate {
inline std::shared_mutex gate;
inline thread_local int guards = 0;  ///< of this thread
}  // namespace capture_gate

/// Lock: std::shared_lock or std::unique_lock of the one gate of the process. Guards nest: a thread that has one takes nothing more, so a
/// recording that allocates gets the runtime's error and no deadlock. A recording is not begun inside a Disturbance: it would not be alone.
template <template <class> class Lock>
class CaptureGate {
 public:
  CaptureGate() {
    if (capture_gate::guards++ == 0) lock_ = Lock<std::shared_mutex>(capture_gate::gate);
  }
  ~CaptureGate() { --capture_gate::guards; }
  CaptureGate(const CaptureGate&) = delete;
  CaptureGate& operator=(const CaptureGate&) = delete;

 private:
  Lock<std::shared_mutex> lock_;
};

/// Passed by everything that may disturb a recording.
using Disturbance = CaptureGate<std::shared_lock>;
/// Passed by a recording.
using Recording = CaptureGate<std::unique_lock>;

}  // namespace fw::cuda
