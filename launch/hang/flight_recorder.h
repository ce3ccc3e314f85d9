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

/// One call of a collective, as this rank made it.
struct CollectiveCall {
  std::string name;       // "all_reduce"
  int64_t bytes = 0;      // of this rank's input
  std::string dtype;      // "float32"; "" for a barrier
  int64_t out_bytes = 0;  // of an exchange, where ranks may send and receive different amounts
  uint64_t balance = 0;   // of an exchange: what exchange_balance() gives
};

struct CollectiveRecord {
  int64_t sequence = -1;  // number of the call; equal on all ranks if they are in sync
  CollectiveCall call;
  std::string purpose;  // from CollectivePurpose: "bucket 2", or ""
  int64_t step = 0;     // of training, counted from 1
  CollectiveState state = CollectiveState::queued;
  double queued_s = 0;  // Unix time, like the next two; 0: not yet
  double started_s = 0;
  double finished_s = 0;
};

/// A digest of all calls of one communicator so far: two numbers of 52 bits.
struct CallsDigest {
  uint64_t order = 0;    // hash of names, sizes, types and purposes: equal on all ranks
  uint64_t balance = 0;  // of exchanges: their sum over ranks is 0, modulo 2^52
};

/// A ring buffer of the newest collectives. Thread-safe.
class FlightRecorder {
 public:
  explicit FlightRecorder(std::string name = "", int64_t capacity = 2048,
                          std::shared_ptr<const std::atomic<int64_t>> step = nullptr,
                          int64_t num_ranks = 0);

  const std::string& name() const { return name_; }
  int64_t num_ranks() const { return num_ranks_; }  // of the communicator; 0: all of the job
  int64_t capacity() const { return static_cast<int64_t>(ring_.size()); }

  /// Adds a collective and returns its sequence number.
  int64_t enter(const CollectiveCall& call);
  /// Sets the state of a collective; ignored if it is no longer in the ring buffer.
  void mark(int64_t sequence, CollectiveState state);

  /// How many collectives were added so far.
  int64_t entered() const;
  /// The newest `count` records at most, oldest first.
  std::vector<CollectiveRecord> newest(int64_t count) const;
  /// The oldest collective that this rank has not finished; sequence -1 if there is none.
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
  // A monotonic clock, set to the time of day once.
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const double start_unix_s_;
  mutable std::mutex mutex_;
  std::vector<CollectiveRecord> ring_;
  int64_t next_sequence_ = 0;
  CallsDigest digest_;
};

/// Labels the collectives that this thread calls while the object lives: "bucket 2". The same
/// text on all ranks.
class CollectivePurpose {
 public:
  explicit CollectivePurpose(std::string purpose);
  ~CollectivePurpose();
  CollectivePurpose(const CollectivePurpose&) = delete;
  CollectivePurpose& operator=(const CollectivePurpose&) = delete;

 private:
  std::string before_;
};

/// A checksum of what one rank sends to and expects from each other rank. Summed over all
/// ranks it is 0 modulo 2^64 if everybody gets what was sent.
uint64_t exchange_balance(int64_t rank, const std::vector<int64_t>& sent_bytes,
                          const std::vector<int64_t>& expected_bytes);

const char* state_name(CollectiveState state);

/// All flight recorders of a process, by name of communicator. Thread-safe.
class FlightLog {
 public:
  /// Opens the recorder of a communicator called `name`; a second one of that name becomes
  /// "name 2". Every rank opens its recorders in the same order, so that names mean the same
  /// everywhere. A communicator of only some ranks says so in its name and gives their
  /// number; 0 means all ranks.
  std::shared_ptr<FlightRecorder> open(const std::string& name, int64_t num_ranks = 0);

  /// The recorder of that name that still exists, or null.
  std::shared_ptr<FlightRecorder> find(const std::string& name) const;

  /// The existing recorders whose names begin with `prefix`.
  std::vector<std::shared_ptr<FlightRecorder>> find_all(const std::string& prefix) const;

  /// Sets the step that is recorded from now on.
  void set_step(int64_t step) { *step_ = step; }

  /// The recorders that still exist, in the order in which they were opened.
  std::vector<std::shared_ptr<FlightRecorder>> recorders() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<FlightRecorder>> opened_;
  std::vector<std::string> names_;  // as they were asked for
  const std::shared_ptr<std::atomic<int64_t>> step_ = std::make_shared<std::atomic<int64_t>>(0);
};

}  // namespace nextframe
