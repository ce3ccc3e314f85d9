#include "trainer/parallel/all_gather.h"

#include <algorithm>

#include "kernels/base/clock.h"
#include "kernels/torch.h"

namespace nextframe {
namespace {

constexpr size_t kMaxGathersInFlight = 2;

std::vector<TensorRange> parts_of_bytes(const std::vector<FlatTensor>& layout, int64_t bytes) {
  std::vector<TensorRange> parts;
  int64_t elements = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(layout.size()); ++i) {
    if (parts.empty() || elements * static_cast<int64_t>(sizeof(float)) >= bytes) {
      parts.push_back({i, i});
      elements = 0;
    }
    parts.back().last = i + 1;
    elements += layout[static_cast<size_t>(i)].numel;
  }
  return parts;
}

int64_t elements_of(const std::vector<ChunkSpan>& spans) {
  int64_t total = 0;
  for (const auto& span : spans) total += span.count;
  return total;
}

}  // namespace

AllGather::AllGather(Communicator& world, const FlatParameters& parameters,
                     const ChunkOwners& owners, int64_t part_bytes)
    : AllGather(world, parameters, owners, parts_of_bytes(parameters.layout(), part_bytes)) {}

AllGather::AllGather(Communicator& world, const FlatParameters& parameters,
                     const ChunkOwners& owners, std::vector<TensorRange> parts)
    : world_(world), parameters_(parameters), owners_(owners), parts_(std::move(parts)) {}

int64_t AllGather::InFlight::bytes() const {
  return static_cast<int64_t>(outgoing.nbytes() + gathered.nbytes());
}

int64_t AllGather::part_begin(size_t part) const {
  return parameters_.layout()[static_cast<size_t>(parts_[part].first)].offset;
}

/// How many elements every rank sends: as many as the rank that owns most.
int64_t AllGather::padded_elements(size_t part) const {
  int64_t most = 0;
  for (int64_t rank = 0; rank < owners_.num_ranks(); ++rank)
    most = std::max(most, elements_of(owners_.spans(rank, parts_[part])));
  return most;
}

/// The copies from the gathered buffer to their places.
std::vector<AllGather::Copy> AllGather::copies_of(size_t part, int64_t padded) const {
  std::vector<Copy> copies;
  for (int64_t rank = 0; rank < owners_.num_ranks(); ++rank) {
    int64_t from = rank * padded;
    for (const auto& span : owners_.spans(rank, parts_[part])) {
      copies.push_back({from, span.flat_offset - part_begin(part), span.count});
      from += span.count;
    }
  }
  return copies;
}

void AllGather::start(size_t part, const at::Tensor& source, ShardPlace place,
                      const at::Tensor& whole) {
  if (in_flight_.size() == kMaxGathersInFlight) finish_oldest();
  const int64_t padded = padded_elements(part);
  InFlight now{part,
               at::zeros({padded}, source.options()),
               at::empty({world_.size() * padded}, source.options()),
               {}};
  int64_t at = 0;
  for (const auto& span : owners_.spans(world_.rank(), parts_[part])) {
    const int64_t from = place == ShardPlace::packed ? span.offset : span.flat_offset;
    now.outgoing.narrow(0, at, span.count).copy_(source.narrow(0, from, span.count));
    at += span.count;
  }
  now.tickets.push_back(world_.all_gather(now.outgoing, now.gathered));
  // By value: after an error elsewhere it may run when this object is gone.
  const auto unpack = [gathered = now.gathered, whole, copies = copies_of(part, padded)] {
    for (const auto& copy : copies)
      whole.narrow(0, copy.to, copy.count).copy_(gathered.narrow(0, copy.from, copy.count));
  };
  now.tickets.push_back(world_.then(unpack));
  bytes_ += now.bytes();
  peak_bytes_ = std::max(peak_bytes_, bytes_);
  in_flight_.push_back(std::move(now));
}

void AllGather::finish_oldest() {
  const auto oldest = std::move(in_flight_.front());
  in_flight_.pop_front();
  const Stopwatch watch;
  for (const auto& ticket : oldest.tickets) ticket.wait();
  wait_s_ += watch.seconds();
  bytes_ -= oldest.bytes();
}

void AllGather::finish() {
  while (!in_flight_.empty()) finish_oldest();
}

void AllGather::finish(size_t part) {
  const auto is_it = [part](const InFlight& each) { return each.part == part; };
  while (std::any_of(in_flight_.begin(), in_flight_.end(), is_it)) finish_oldest();
}

void AllGather::fill(const at::Tensor& source, ShardPlace place, const at::Tensor& whole) {
  for (size_t part = 0; part < parts_.size(); ++part) {
    const int64_t begin = part_begin(part);
    start(part, source, place, whole.narrow(0, begin, whole.numel() - begin));
  }
  finish();
}

}  // namespace nextframe
