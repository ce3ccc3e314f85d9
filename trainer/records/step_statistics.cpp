#include "trainer/records/step_statistics.h"

#include "kernels/torch.h"
#include "launch/hang/collective_check.h"

namespace nextframe {
namespace {

constexpr int64_t kNewsColumns = 7;

}  // namespace

double root_number(Communicator& world, double number) {
  const auto shared = at::full({1}, number, at::kDouble);
  world.broadcast(shared, 0).wait();
  return shared.item<double>();
}

void StepStatistics::add(const LossTerms& terms, const at::Tensor& sample_ids_B) {
  if (terms_.empty()) ids_B_.clear();
  terms_.push_back({terms.sum.detach(), terms.weight, terms.sums});
  ids_B_.push_back(sample_ids_B.clone());  // on a GPU it goes to the host when it is asked for
}

/// float64 [1 + grains a rank at most, columns]: the status, then a grain's loss sum, weight and
/// statistics by name. One copy from the device.
at::Tensor StepStatistics::own_rows(const RankStatus& status) {
  const auto num_statistics = static_cast<int64_t>(terms_.front().sums.size());
  std::vector<at::Tensor> on_device;
  for (const auto& terms : terms_) {
    on_device.push_back(terms.sum.reshape({1}).to(at::kDouble));
    on_device.push_back(terms.weight.reshape({1}));
    for (const auto& [name, sum] : terms.sums)
      on_device.push_back(sum.reshape({1}).to(at::kDouble));
  }
  const auto sums =
      at::cat(on_device).cpu().view({static_cast<int64_t>(terms_.size()), 2 + num_statistics});
  auto rows = at::zeros({1 + grains_.num_rounds(), std::max(kNewsColumns, 2 + num_statistics)},
                        at::kDouble);
  rows[0][0] = static_cast<double>(status.stop);
  rows[0][1] = status.has_saved;
  rows[0][2] = status.busy_s;
  rows[0][3] = status.has_real_grains;
  rows[0][4] = status.has_failed_to_save;
  rows[0][5] = static_cast<double>(status.calls.order);
  rows[0][6] = static_cast<double>(status.calls.balance);
  for (size_t i = 0; i < terms_.size(); ++i) {
    const auto index = static_cast<int64_t>(i);
    rows[1 + index].narrow(0, 0, 2 + num_statistics).copy_(sums[index]);
  }
  return rows;
}

StepTotals StepStatistics::finish(const RankStatus& status) {
  const auto rows = own_rows(status);
  auto all = at::empty({world_.size(), rows.size(0), rows.size(1)}, at::kDouble);
  world_.all_gather(rows, all).wait();

  StepTotals totals;
  std::vector<CallsDigest> calls;
  for (int64_t rank = 0; rank < world_.size(); ++rank) {
    const double* told = all[rank][0].const_data_ptr<double>();
    totals.stop = std::max(totals.stop, static_cast<StopRequest>(static_cast<int>(told[0])));
    totals.have_all_saved = totals.have_all_saved && told[1] != 0;
    totals.busy_s.push_back(told[2]);
    totals.is_complete = totals.is_complete && told[3] != 0;
    totals.has_any_failed_to_save = totals.has_any_failed_to_save || told[4] != 0;
    calls.push_back({static_cast<uint64_t>(told[5]), static_cast<uint64_t>(told[6])});
  }
  std::vector<int64_t> next(static_cast<size_t>(world_.size()), 0);  // of each rank's grains
  for (int64_t grain = 0; grain < grains_.num_grains; ++grain) {
    const int64_t rank = grains_.rank_of(grain);
    const double* row = all[rank][1 + next[static_cast<size_t>(rank)]++].const_data_ptr<double>();
    totals.loss_sum += row[0];
    totals.weight += row[1];
    totals.grain_loss_sums.push_back(row[0]);
    int column = 2;
    for (const auto& [name, sum] : terms_.front().sums) totals.sums[name] += row[column++];
  }
  totals.do_calls_agree = do_calls_agree(calls);
  terms_.clear();
  return totals;
}

std::vector<std::vector<int64_t>> StepStatistics::sample_ids() const {
  const int64_t most = grains_.num_rounds(), clips = ids_B_.front().numel();
  const auto own = at::zeros({most, clips}, at::kLong);
  for (size_t i = 0; i < ids_B_.size(); ++i) own[static_cast<int64_t>(i)].copy_(ids_B_[i]);
  auto all = at::empty({world_.size(), most, clips}, at::kLong);
  world_.all_gather(own, all).wait();

  std::vector<std::vector<int64_t>> by_grain(static_cast<size_t>(grains_.num_grains));
  for (int64_t rank = 0; rank < world_.size(); ++rank) {
    for (int64_t i = 0; i < grains_.count(rank); ++i) {
      const int64_t* ids = all[rank][i].const_data_ptr<int64_t>();
      by_grain[static_cast<size_t>(grains_.grain(rank, i))].assign(ids, ids + clips);
    }
  }
  return by_grain;
}

}  // namespace nextframe
