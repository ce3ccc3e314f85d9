#include "trainer/step_statistics.h"

#include <torch/torch.h>

#include "kernels/base/fixed_tree.h"

namespace nextframe {

void StepStatistics::add(const LossTerms& terms) {
  terms_.push_back({terms.sum.detach(), terms.weight, terms.sums});
}

/// [grains a rank at most, columns] float64: loss sum, weight, stop, the statistics by name. One
/// copy from the device.
at::Tensor StepStatistics::own_rows(StopRequest stop) {
  const auto num_statistics = static_cast<int64_t>(terms_.front().sums.size());
  std::vector<at::Tensor> on_device;
  for (const auto& terms : terms_) {
    on_device.push_back(terms.sum.reshape({1}).to(at::kDouble));
    for (const auto& [name, sum] : terms.sums)
      on_device.push_back(sum.reshape({1}).to(at::kDouble));
  }
  const auto sums =
      at::cat(on_device).cpu().view({static_cast<int64_t>(terms_.size()), 1 + num_statistics});
  const int64_t most = (num_grains_ + world_.size() - 1) / world_.size();
  auto rows = at::zeros({most, 3 + num_statistics}, at::kDouble);
  for (size_t i = 0; i < terms_.size(); ++i) {
    auto row = rows[static_cast<int64_t>(i)];
    row[0] = sums[static_cast<int64_t>(i)][0];
    row[1] = terms_[i].weight;
    row[2] = static_cast<double>(stop);
    row.narrow(0, 3, num_statistics)
        .copy_(sums[static_cast<int64_t>(i)].narrow(0, 1, num_statistics));
  }
  return rows;
}

StepTotals StepStatistics::finish(StopRequest stop) {
  const auto rows = own_rows(stop);
  auto all = at::empty({world_.size(), rows.size(0), rows.size(1)}, at::kDouble);
  world_.all_gather(rows, all).wait();

  StepTotals totals;
  for (int64_t rank = 0; rank < world_.size(); ++rank) {
    const auto [first, last] = owned_leaves(num_grains_, rank, world_.size());
    for (int64_t grain = first; grain < last; ++grain) {
      const double* row = all[rank][grain - first].const_data_ptr<double>();
      totals.loss_sum += row[0];
      totals.weight += row[1];
      totals.stop = std::max(totals.stop, static_cast<StopRequest>(static_cast<int>(row[2])));
      int column = 3;
      for (const auto& [name, sum] : terms_.front().sums) totals.sums[name] += row[column++];
    }
  }
  terms_.clear();
  return totals;
}

}  // namespace nextframe
