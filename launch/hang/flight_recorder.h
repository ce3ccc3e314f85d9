// The flight recorder: keeps the newest collectives of each communicator, to explain a failure or a
// hang.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace nextframe {

enum class CollectiveState { queued, running, done, failed };

/// What this rank asked for.
struct CollectiveCall {
  std::string name;       // "all_reduce"
  int64_t bytes = 0;      // that this rank put in
  std::string dtype;      // "float32"; "" for a barrier
  int64_t out_bytes = 0;  // of an exchange, whose ranks may put in and get different amounts
  uint64_t balance = 0;   // of an exchange: see exchange_balance
};

struct CollectiveRecord {
  int64_t sequence = -1;  // counts a communicator's collectives; equal on all ranks if all is well
  CollectiveCall call;
  std::string purpose;  // "bucket 2"; what CollectivePurpose said, or ""
  int64_t step = 0;     // of training, counted from 1
  CollectiveState state = CollectiveState::queued;
  double queued_s = 0;  // since 1970, as all of them; 0: not yet
  double started_s = 0;
  double finished_s = 0;
};

/// All calls of one communicator so far, in two numbers that 52 bits hold.
struct CallsDigest {
  uint64_t order = 0;    // of names, sizes, types and purposes: the same on every rank
  uint64_t balance = 0;  // of exchanges: their sum over ranks is 0, modulo 2^52
};

/// A ring of the newest collectives. Safe to call from many threads.
class FlightRecorder {
 public:
  explicit FlightRecorder(std::string name = "", int64_t capacity = 2048,
                          std::shared_ptr<const std::atomic<int64_t>> step = nullptr,
                          int64_t num_ranks = 0);

  const std::string& name() const { return name_; }
  int64_t num_ranks() const { return num_ranks_; }  // of the communicator; 0: all of the job
  int64_t capacity() const { return static_cast<int64_t>(ring_.size()); }

  /// Enters a collective and returns its sequence number.
  int64_t enter(const CollectiveCall& call);
  /// Moves on a collective that is still in the ring; forgotten ones are ignored.
  void mark(int64_t sequence, CollectiveState state);

  /// How many were entered.
  int64_t entered() const;
  /// The newest `count` records at most, oldest first.
  std::vector<CollectiveRecord> newest(int64_t count) const;
  /// The oldest one that this rank has entered and not finished; sequence -1 if there is none.
  CollectiveRecord oldest_open() const;
  CallsDigest digest() const;
  /// The newest as lines: "  #17 all_reduce 4096 bytes float32 done, queued at 1.204 s, ...".
  std::string print(int64_t count) const;

 private:
  double now_s() const;
  CollectiveRecord& slot(int64_t sequence);

  const std::string name_;
  const std::shared_ptr<const std::atomic<int64_t>> step_;
  const int64_t num_ranks_;
  // A clock that never goes back, set to the time of day once.
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const double start_unix_s_;
  mutable std::mutex mutex_;
  std::vector<CollectiveRecord> ring_;
  int64_t next_sequence_ = 0;
  CallsDigest digest_;
};

/// What the collectives that this thread calls meanwhile are for: "bucket 2". The same text on all
/// ranks.
class CollectivePurpose {
 public:
  explicit CollectivePurpose(std::string purpose);
  ~CollectivePurpose();
  CollectivePurpose(const CollectivePurpose&) = delete;
  CollectivePurpose& operator=(const CollectivePurpose&) = delete;

 private:
  std::string before_;
};

/// A number of what one rank sends to and expects of each other one; summed over all ranks it is 0,
/// modulo 2^64, when everybody gets what was sent.
uint64_t exchange_balance(int64_t rank, const std::vector<int64_t>& sent_bytes,
                          const std::vector<int64_t>& expected_bytes);

const char* state_name(CollectiveState state);

/// Safe to call from many threads.
class FlightLog {
 public:
  /// For a communicator called `name`; a second one of that name becomes "name 2". Every rank opens
  /// its recorders in the same order, so the names mean the same everywhere. A communicator of some
  /// ranks only has a name that says which, and their number; 0 is all of them.
  std::shared_ptr<FlightRecorder> open(const std::string& name, int64_t num_ranks = 0);

  /// The living one of that name, or null.
  std::shared_ptr<FlightRecorder> find(const std::string& name) const;

  /// The living ones whose names begin so.
  std::vector<std::shared_ptr<FlightRecorder>> find_all(const std::string& prefix) const;

  /// Written into what is recorded from now on.
  void set_step(int64_t step) { *step_ = step; }

  /// Of the communicators that still live, in the order in which they were opened.
  std::vector<std::shared_ptr<FlightRecorder>> recorders() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<FlightRecorder>> opened_;
  std::vector<std::string> names_;  // as they were asked for
  const std::shared_ptr<std::atomic<int64_t>> step_ = std::make_shared<std::atomic<int64_t>>(0);
};

}  // namespace nextframe
