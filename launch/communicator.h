// The communicator: the collectives that training needs from a group of processes.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace nextframe {

/// A collective in progress. wait() throws the collective's error as EnvironmentError, and may
/// be called twice.
class Ticket {
 public:
  Ticket() = default;  // already done
  explicit Ticket(std::function<void()> wait) : wait_(std::move(wait)) {}
  void wait() const {
    if (wait_) wait_();
  }

 private:
  std::function<void()> wait_;
};

/// A tensor that a rank sends to a peer, or receives from it.
struct Parcel {
  int64_t peer;
  at::Tensor tensor;
};

/// A fixed group of ranks (a process group). Every rank makes the same calls in the same
/// order. Each call returns at once; its tensors must stay alive and untouched until its
/// ticket was waited for. Tensors are contiguous, on the communicator's device, of type
/// float32, float64, bfloat16, int64 or uint8.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int64_t rank() const = 0;
  virtual int64_t size() const = 0;

  /// Sums over ranks in place, in the library's own order of additions.
  virtual Ticket all_reduce(const at::Tensor& inout) = 0;
  /// out = slice `rank` of the sum of `in` over ranks; in.numel() = size() * out.numel().
  virtual Ticket reduce_scatter(const at::Tensor& in, const at::Tensor& out) = 0;
  /// out = every rank's `in`, by rank; out.numel() = size() * in.numel(). `in` may be this
  /// rank's slice of `out`, which saves a copy.
  virtual Ticket all_gather(const at::Tensor& in, const at::Tensor& out) = 0;
  virtual Ticket broadcast(const at::Tensor& inout, int64_t root) = 0;
  /// Sends in_counts[r] elements of `in` to each rank r, and receives out_counts[r] elements from
  /// it into `out`; both tensors are in rank order.
  virtual Ticket all_to_all(const at::Tensor& in, const std::vector<int64_t>& in_counts,
                            const at::Tensor& out, const std::vector<int64_t>& out_counts) = 0;
  /// Point-to-point messages: sends all of `outgoing` and receives all of `incoming`, of any
  /// number and size. Those between the same two ranks arrive in order, and both ranks must
  /// agree on their sizes.
  virtual Ticket exchange(const std::vector<Parcel>& outgoing,
                          const std::vector<Parcel>& incoming) = 0;
  virtual Ticket barrier() = 0;

  /// Runs `work` on this rank after all earlier calls and before all later ones: on the
  /// collectives' thread, or enqueued on their stream.
  virtual Ticket then(std::function<void()> work) = 0;
};

/// One process, no communication.
std::unique_ptr<Communicator> make_solo_communicator();

}  // namespace nextframe
