#include "trainer/graphs/replayed_work.h"

#include <c10/util/Exception.h>
#include <c10/util/StringUtil.h>

namespace nextframe {
namespace {

constexpr size_t kMostRecordings = 4;  // each keeps memory; more places than these are not fixed

std::string first_line(const std::exception& error) {
  const auto* const of_torch = dynamic_cast<const c10::Error*>(&error);
  const std::string text = of_torch != nullptr ? of_torch->what_without_backtrace() : error.what();
  return text.substr(0, text.find('\n'));
}

}  // namespace

ReplayedWork::ReplayedWork(std::string name, WorkRecorder recorder,
                           std::function<void(const std::string&)> say)
    : name_(std::move(name)), recorder_(std::move(recorder)), say_(std::move(say)) {}

void ReplayedWork::run(const Places& places, const std::function<void()>& body) {
  const auto found = recorded_.find(places);
  const bool is_first = found == recorded_.end();
  if (recorder_ == nullptr || is_first) {
    body();
    if (recorder_ != nullptr && recorded_.size() < kMostRecordings) recorded_[places] = nullptr;
    return;
  }
  if (found->second == nullptr) found->second = record(body);
  if (found->second == nullptr) return body();
  found->second->replay();
  ++num_replays_;
}

/// Null when it failed. Nothing was run then, so the step goes on as if nothing had been tried.
std::unique_ptr<RecordedWork> ReplayedWork::record(const std::function<void()>& body) {
  try {
    return recorder_(body);
  } catch (const std::exception& error) {
    recorder_ = nullptr;
    say_(c10::str("CUDA graphs: off: recording ", name_, " failed: ", first_line(error)));
    return nullptr;
  }
}

}  // namespace nextframe
