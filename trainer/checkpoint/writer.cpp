#include "trainer/checkpoint/writer.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "launch/text.h"

namespace nextframe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kCancelLimitS = 3;

}  // namespace

struct Writer::Job {
  std::string what;
  WriterPulse pulse;
  std::mutex mutex;  // of what follows
  std::condition_variable is_over;
  bool is_done = false;
  WriterOutcome outcome;

  void run(const Task& task) {
    WriterOutcome result;
    try {
      result.text = task(pulse);
    } catch (const std::exception& error) {
      result.problem = error.what();
    }
    {
      const std::lock_guard lock(mutex);
      outcome = std::move(result);
      is_done = true;
    }
    is_over.notify_all();
  }
};

Writer::~Writer() {
  cancel();
  if (!is_done()) queue_.abandon();
}

void Writer::start(std::string what, Task task) {
  job_ = std::make_shared<Job>();
  job_->what = std::move(what);
  queue_.push([job = job_, task = std::move(task)] { job->run(task); });
}

bool Writer::is_done() const {
  if (!job_) return true;
  const std::lock_guard lock(job_->mutex);
  return job_->is_done;
}

bool Writer::has_failed() const {
  if (!job_) return false;
  const std::lock_guard lock(job_->mutex);
  return !job_->outcome.problem.empty();
}

WriterOutcome Writer::wait(double timeout_s) {
  const auto job = job_;
  if (!job) return {};
  const auto patience =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout_s));
  std::unique_lock lock(job->mutex);
  for (int64_t beats = -1; beats != job->pulse.beats();) {
    beats = job->pulse.beats();
    if (job->is_over.wait_for(lock, patience, [&] { return job->is_done; })) {
      job_ = nullptr;
      return job->outcome;
    }
  }
  return {"", job->what + format(" made no progress for %g s", timeout_s)};
}

void Writer::cancel() {
  if (!job_ || job_->pulse.is_cancelled()) return;
  job_->pulse.cancel();
  wait(kCancelLimitS);
}

}  // namespace nextframe
