#include "data/loader.h"

#include <ATen/ATen.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "data/grain_reader.h"

namespace nextframe {
namespace {

constexpr std::chrono::milliseconds kAsk{50};  // from one question whether to give up to the next

/// A place of the prefetch ring: grain `number` lives in slot `number` modulo the ring's size.
struct Slot {
  bool ready = false;
  Batch batch{};
  std::exception_ptr error{};
  std::vector<std::string> warnings{};
};

bool is_shared(const at::Tensor& tensor) {
  return tensor.use_count() > 1 || tensor.storage().use_count() > 1;
}

bool is_free(const Batch& batch) {
  return !is_shared(batch.frames_BTHWC) && !is_shared(batch.actions_BTA) &&
         !is_shared(batch.mask_BT) && !is_shared(batch.sample_ids_B);
}

}  // namespace

struct Loader::State {
  State(const Dataset& dataset, Sampler sampler, LoaderOptions loader_options)
      : options(std::move(loader_options)),
        reader(dataset, sampler, options),
        shape(dataset.shape()),
        ring(static_cast<size_t>(std::max<int64_t>(options.prefetch_grains, 1))) {
    for (int64_t i = 0; i < options.threads; ++i) threads.emplace_back([this] { work(); });
  }

  ~State() {
    {
      const std::lock_guard guard(mutex);
      stopping = true;
    }
    room.notify_all();
    threads.clear();  // joins
  }

  Slot& slot_of(int64_t number) { return ring[static_cast<size_t>(number) % ring.size()]; }

  /// The body of a reader thread: claims the next grain that has room, reads it, marks it ready.
  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      room.wait(lock, [&] {
        return stopping || claimed < delivered + static_cast<int64_t>(ring.size());
      });
      if (stopping) return;
      const int64_t number = claimed++;
      Slot filled{.ready = true, .batch = take_batch()};
      lock.unlock();
      read(number, filled, [&] { return stopping.load(); });
      lock.lock();
      slot_of(number) = std::move(filled);
      ready.notify_all();
    }
  }

  void read(int64_t number, Slot& slot, const std::function<bool()>& stopped) {
    try {
      if (!slot.batch.frames_BTHWC.defined()) slot.batch = make_batch(shape, reader.grain_clips());
      slot.warnings = reader.read(number, slot.batch, stopped);
    } catch (...) {
      slot.error = std::current_exception();
    }
  }

  /// Memory that came back, or an undefined batch. Called under the mutex.
  Batch take_batch() {
    if (free.empty()) return {};
    Batch batch = std::move(free.back());
    free.pop_back();
    return batch;
  }

  /// Handed-out batches that nobody holds any more become free. Called in next(), by the thread
  /// that let go of them.
  void recycle() {
    for (size_t i = lent.size(); i-- > 0;) {
      if (!is_free(lent[i])) continue;
      free.push_back(std::move(lent[i]));
      lent.erase(lent.begin() + static_cast<int64_t>(i));
    }
  }

  /// Not ready when it was given up.
  Slot take_slot() {
    std::unique_lock lock(mutex);
    recycle();
    if (threads.empty()) {
      Slot slot{.ready = true, .batch = take_batch()};
      read(delivered, slot, [&] {
        slot.ready = !should_stop();
        return !slot.ready;
      });
      return slot;
    }
    const auto is_ready = [&] { return slot_of(delivered).ready; };
    while (!ready.wait_for(lock, kAsk, is_ready)) {
      if (should_stop()) return {};
    }
    return std::exchange(slot_of(delivered), Slot{});
  }

  bool should_stop() {
    has_stopped = has_stopped || (options.should_stop && options.should_stop());
    return has_stopped;
  }

  Batch next() {
    if (failure) std::rethrow_exception(failure);
    Slot slot = has_stopped ? Slot{} : take_slot();
    if (!slot.ready) return make_batch(shape, reader.grain_clips());
    if (slot.error) {
      failure = slot.error;
      std::rethrow_exception(failure);
    }
    for (const auto& warning : slot.warnings) {
      if (options.warn) options.warn(warning);
    }
    const std::lock_guard guard(mutex);
    ++delivered;
    if (reuses_memory) lent.push_back(slot.batch);
    room.notify_one();
    return slot.batch;
  }

  const LoaderOptions options;
  const GrainReader reader;
  const ClipShape shape;
  const bool reuses_memory = !at::hasCUDA();  // LibTorch reuses pinned memory, once copied

  std::mutex mutex;  // guards what follows, up to the consumer's own
  std::condition_variable room, ready;
  std::vector<Slot> ring;
  std::vector<Batch> free, lent;
  int64_t claimed = 0, delivered = 0;
  std::atomic<bool> stopping = false;  // also read between two clips, without the mutex

  std::exception_ptr failure;  // of the consumer: the first error stays the answer
  bool has_stopped = false;
  double wait_s = 0;
  std::vector<std::jthread> threads;
};

Loader::Loader(const Dataset& dataset, Sampler sampler, LoaderOptions options)
    : state_(std::make_unique<State>(dataset, sampler, std::move(options))) {}

Loader::~Loader() = default;

Batch Loader::next() {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  Batch batch = state_->next();
  state_->wait_s += std::chrono::duration<double>(Clock::now() - begin).count();
  return batch;
}

bool Loader::has_stopped() const { return state_->has_stopped; }

double Loader::take_wait_s() { return std::exchange(state_->wait_s, 0.0); }

}  // namespace nextframe
