// This file is the last collectives of one communicator, kept to explain a failure.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace nextframe {

enum class CollectiveState { queued, running, done, failed };

struct CollectiveRecord {
  int64_t sequence = -1;  // counts a communicator's collectives; equal on all ranks if all is well
  std::string name;       // "all_reduce"
  int64_t bytes = 0;      // that this rank put in
  std::string dtype;      // "float32"; "" for a barrier
  CollectiveState state = CollectiveState::queued;
  double queued_s = 0;  // seconds since the recorder was made
  double started_s = 0;
  double finished_s = 0;
};

/// A ring of the newest collectives. Safe to call from many threads.
class FlightRecorder {
 public:
  explicit FlightRecorder(int64_t capacity = 256);

  /// Enters a collective and returns its sequence number.
  int64_t enter(const std::string& name, int64_t bytes, const std::string& dtype);
  /// Moves on a collective that is still in the ring; forgotten ones are ignored.
  void mark(int64_t sequence, CollectiveState state);

  /// The newest `count` records at most, oldest first.
  std::vector<CollectiveRecord> newest(int64_t count) const;
  /// The same as lines: "  #17 all_reduce 4096 bytes float32 done, queued 1.204 s, took 0.003 s".
  std::string print(int64_t count) const;

 private:
  double now_s() const;

  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;
  std::vector<CollectiveRecord> ring_;
  int64_t next_sequence_ = 0;
};

}  // namespace nextframe
