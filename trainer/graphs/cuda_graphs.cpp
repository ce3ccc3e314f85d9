#include "trainer/graphs/cuda_graphs.h"

#include <c10/util/Exception.h>

namespace nextframe {
namespace {

constexpr size_t kMostRecordings = 4;  // each keeps memory; more addresses than these are not fixed

std::string first_line(const std::exception& error) {
  const auto* const of_torch = dynamic_cast<const c10::Error*>(&error);
  const std::string text = of_torch != nullptr ? of_torch->what_without_backtrace() : error.what();
  return text.substr(0, text.find('\n'));
}

}  // namespace

ReplayedGraph::ReplayedGraph(std::string name, GraphRecorder recorder,
                             std::function<void(const std::string&)> say)
    : name_(std::move(name)), recorder_(std::move(recorder)), say_(std::move(say)) {}

void ReplayedGraph::run(const Addresses& addresses, const std::function<void()>& body) {
  const auto found = recorded_.find(addresses);
  if (recorder_ == nullptr || found == recorded_.end()) {
    body();
    return remember(addresses);
  }
  if (found->second == nullptr && !record(found->second, body)) return body();
  found->second->replay();
  ++num_replays_;
}

void ReplayedGraph::remember(const Addresses& addresses) {
  if (recorder_ == nullptr) return;
  if (recorded_.size() < kMostRecordings) {
    recorded_[addresses] = nullptr;
  } else if (num_replays_ == 0) {
    turn_off("its tensors do not stay in place");
  }
}

/// False when it failed, which ends all of `to` too. Nothing was run then, so the step goes on as
/// if nothing had been tried.
bool ReplayedGraph::record(std::unique_ptr<RecordedGraph>& to, const std::function<void()>& body) {
  try {
    to = recorder_(body);
    return true;
  } catch (const std::exception& error) {
    turn_off("recording failed: " + first_line(error));
    return false;
  }
}

/// Nobody would replay what was recorded before, which keeps memory.
void ReplayedGraph::turn_off(const std::string& reason) {
  recorder_ = nullptr;
  recorded_.clear();
  say_("CUDA graphs: off for " + name_ + ": " + reason);
}

namespace {

/// Why no grain is recorded; "" if they are.
std::string reason_against_grains(const Config& config, Shard shard, int64_t owned_grains) {
  if (shard >= Shard::gradients)
    return "parallel.shard = " + config.parallel.shard + " moves the gradients of every grain";
  if (config.trainer.recompute != "none")
    return "trainer.recompute = " + config.trainer.recompute + " runs forward inside backward";
  if (owned_grains < 2)
    return "a rank's last grain sends gradients while they are made, and this rank has one";
  return "";
}

}  // namespace

GraphChoice choose_graphs(const Config& config, Shard shard, int64_t owned_grains,
                          const GraphRecorder& recorder,
                          const std::function<void(const std::string&)>& say) {
  GraphChoice choice;
  if (!config.trainer.cuda_graphs) return choice;
  if (recorder == nullptr) {
    say("CUDA graphs: off: they need a GPU");
    return choice;
  }
  const auto reason = reason_against_grains(config, shard, owned_grains);
  if (reason.empty()) {
    choice.grains = ReplayedGraph("a grain", recorder, say);
  } else {
    say("CUDA graphs: off for grains: " + reason);
  }
  if (shard == Shard::none) {
    choice.optimizer = ReplayedGraph("the optimizer's step", recorder, say);
  } else {
    say("CUDA graphs: off for the optimizer: parallel.shard = " + config.parallel.shard +
        " sends what it updates");
  }
  return choice;
}

}  // namespace nextframe
