#include "trainer/owner_bucket.h"

#include <torch/torch.h>

#include <algorithm>
#include <atomic>
#include <functional>

namespace nextframe {
namespace {

using AddNodes = std::function<at::Tensor(at::Tensor, const at::Tensor&)>;

int64_t bytes_of(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<int64_t>(tensor.nbytes()) : 0;
}

}  // namespace

/// What this rank has summed so far. Only the communicator's thread touches it between start() and
/// finish().
struct OwnerBucket::Sum {
  explicit Sum(int64_t num_grains)
      : fold(num_grains, [this](at::Tensor left, const at::Tensor& right) {
          if (right.use_count() == 1) bytes -= bytes_of(right);  // else a row of the round's buffer
          return left.add_(right);
        }) {}

  /// A left leaf is kept beyond the round's buffer; a right one meets its sibling at once.
  void push(int64_t grain, const at::Tensor& leaf) {
    const bool is_left = grain % 2 == 0;
    if (is_left) bytes += bytes_of(leaf);
    fold.push({0, grain}, is_left ? leaf.clone() : leaf);
  }

  TreeFold<at::Tensor, AddNodes> fold;
  at::Tensor running;  // fast
  std::atomic<int64_t> bytes = 0;
};

OwnerBucket::OwnerBucket(Communicator& world, const GrainOwners& grains, bool strict,
                         const ChunkOwners& owners, const FlatParameters& parameters,
                         std::vector<int64_t> tensors)
    : world_(world),
      grains_(grains),
      strict_(strict),
      parameters_(parameters),
      tensors_(std::move(tensors)),
      slices_(static_cast<size_t>(world.size())),
      elements_(static_cast<size_t>(world.size())),
      sum_(std::make_shared<Sum>(grains.num_grains)) {
  std::vector<int64_t> place(parameters.layout().size(), -1);  // of a tensor in tensors_
  for (size_t i = 0; i < tensors_.size(); ++i)
    place[static_cast<size_t>(tensors_[i])] = static_cast<int64_t>(i);
  for (size_t rank = 0; rank < slices_.size(); ++rank) {
    for (const auto& span : owners.spans(static_cast<int64_t>(rank))) {
      const int64_t tensor = place[static_cast<size_t>(span.tensor)];
      if (tensor < 0) continue;
      slices_[rank].push_back(
          {static_cast<size_t>(tensor), span.first, span.count, elements_[rank], span.offset});
      elements_[rank] += span.count;
    }
    elements_[rank] = std::max<int64_t>(elements_[rank], 1);  // an exchange is never of nothing
  }
  most_elements_ = *std::max_element(elements_.begin(), elements_.end());
}

OwnerBucket::~OwnerBucket() = default;

void OwnerBucket::start(int64_t round, bool has_grain) {
  if (strict_) {
    start_strict(round, has_grain);
  } else {
    pack(has_grain, /*padded=*/true);
    start_fast();
  }
  for (const int64_t tensor : tensors_)
    parameters_.parameters()[static_cast<size_t>(tensor)].mutable_grad().reset();
}

void OwnerBucket::start_strict(int64_t round, bool has_grain) {
  const int64_t mine = elements_[static_cast<size_t>(world_.rank())];
  pack(has_grain, /*padded=*/false);
  std::vector<int64_t> send_counts(slices_.size(), 0), receive_counts(slices_.size(), 0);
  if (has_grain) send_counts = elements_;
  std::vector<int64_t> grains;
  for (int64_t rank = 0; rank < world_.size(); ++rank) {
    if (round >= grains_.count(rank)) continue;
    receive_counts[static_cast<size_t>(rank)] = mine;
    grains.push_back(grains_.grain(rank, round));
  }
  received_ = at::empty({static_cast<int64_t>(grains.size()), mine}, outgoing_.options());
  tickets_.push_back(world_.all_to_all(outgoing_, send_counts, received_, receive_counts));
  // By value: after an error elsewhere it may run when this bucket is gone.
  tickets_.push_back(world_.then([sum = sum_, received = received_, grains] {
    for (size_t row = 0; row < grains.size(); ++row)
      sum->push(grains[row], received[static_cast<int64_t>(row)]);
  }));
}

void OwnerBucket::start_fast() {
  received_ = at::empty({most_elements_}, outgoing_.options());
  tickets_.push_back(world_.reduce_scatter(outgoing_, received_));
  tickets_.push_back(world_.then([sum = sum_, received = received_] {
    if (!sum->running.defined()) {
      sum->running = at::zeros_like(received);
      sum->bytes += bytes_of(received);
    }
    sum->running.add_(received);
  }));
}

/// This rank's gradients in the order of their owners. A parameter without one adds zeros; and zero
/// is added to all, as it is where gradients are added to a cleared buffer: -0 becomes 0.
void OwnerBucket::pack(bool has_grain, bool padded) {
  const auto options = parameters_.parameters().front().options().requires_grad(false);
  int64_t total = 0;
  for (const int64_t elements : elements_) total += padded ? most_elements_ : elements;
  outgoing_ = at::zeros({has_grain || padded ? total : 0}, options);
  if (!has_grain) return;
  std::vector<at::Tensor> gradients;
  for (const int64_t tensor : tensors_) {
    const auto& gradient = parameters_.parameters()[static_cast<size_t>(tensor)].grad();
    gradients.push_back(gradient.defined() ? gradient.reshape({-1}) : gradient);
  }
  int64_t begin = 0;
  for (size_t rank = 0; rank < slices_.size(); ++rank) {
    for (const auto& piece : slices_[rank]) {
      if (!gradients[piece.tensor].defined()) continue;
      outgoing_.narrow(0, begin + piece.at, piece.count)
          .add_(gradients[piece.tensor].narrow(0, piece.first, piece.count));
    }
    begin += padded ? most_elements_ : elements_[rank];
  }
}

void OwnerBucket::finish() {
  for (const auto& ticket : tickets_) ticket.wait();  // the first that failed tells why
  tickets_.clear();
  outgoing_.reset();
  received_.reset();
}

void OwnerBucket::take_sum(const at::Tensor& packed) {
  at::Tensor result = std::exchange(sum_->running, {});
  if (strict_) {
    const auto nodes = sum_->fold.take();
    TORCH_INTERNAL_ASSERT(nodes.size() == 1, "a step without all of its grains");
    result = nodes.front().second;
  }
  for (const auto& piece : slices_[static_cast<size_t>(world_.rank())]) {
    packed.narrow(0, piece.packed_offset, piece.count)
        .copy_(result.narrow(0, piece.at, piece.count));
  }
  sum_->bytes = 0;
}

int64_t OwnerBucket::bytes() const {
  return bytes_of(outgoing_) + bytes_of(received_) + sum_->bytes;
}

}  // namespace nextframe
