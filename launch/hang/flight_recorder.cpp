#include "launch/hang/flight_recorder.h"

#include <algorithm>
#include <utility>

#include "launch/text.h"

namespace nextframe {
namespace {

thread_local std::string current_purpose;

std::string seconds(double value_s) { return format("%.3f s", value_s); }

std::string line(const CollectiveRecord& record, double start_unix_s) {
  std::string text = "  #" + std::to_string(record.sequence) + " " + record.call.name + " " +
                     std::to_string(record.call.bytes) + " bytes";
  if (!record.call.dtype.empty()) text += " " + record.call.dtype;
  if (!record.purpose.empty()) text += " of " + record.purpose;
  text += std::string(" ") + state_name(record.state) + ", queued at " +
          seconds(record.queued_s - start_unix_s);
  if (record.finished_s > 0) text += ", took " + seconds(record.finished_s - record.started_s);
  return text + "\n";
}

/// FNV-1a.
void mix(uint64_t& hash, const void* data, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    hash = (hash ^ static_cast<const unsigned char*>(data)[i]) * 0x100000001b3;
  }
}

void mix(uint64_t& hash, const std::string& text) {
  mix(hash, text.data(), text.size());
  mix(hash, "|", 1);
}

double unix_now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// SplitMix64: hashes that are added up must not be related, as those of FNV are.
uint64_t scramble(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

uint64_t route_hash(size_t from, size_t to, int64_t bytes) {
  return scramble(scramble(scramble(from) ^ to) ^ static_cast<uint64_t>(bytes));
}

}  // namespace

const char* state_name(CollectiveState state) {
  switch (state) {
    case CollectiveState::queued:
      return "queued";
    case CollectiveState::running:
      return "running";
    case CollectiveState::done:
      return "done";
    case CollectiveState::failed:
      return "failed";
  }
  return "unknown";
}

uint64_t exchange_balance(int64_t rank, const std::vector<int64_t>& sent_bytes,
                          const std::vector<int64_t>& expected_bytes) {
  const auto self = static_cast<size_t>(rank);
  uint64_t balance = 0;
  for (size_t peer = 0; peer < sent_bytes.size(); ++peer)
    balance += route_hash(self, peer, sent_bytes[peer]);
  for (size_t peer = 0; peer < expected_bytes.size(); ++peer)
    balance -= route_hash(peer, self, expected_bytes[peer]);
  return balance;
}

CollectivePurpose::CollectivePurpose(std::string purpose)
    : before_(std::exchange(current_purpose, std::move(purpose))) {}

CollectivePurpose::~CollectivePurpose() { current_purpose = std::move(before_); }

FlightRecorder::FlightRecorder(std::string name, int64_t capacity,
                               std::shared_ptr<const std::atomic<int64_t>> step, int64_t num_ranks)
    : name_(std::move(name)),
      step_(std::move(step)),
      num_ranks_(num_ranks),
      start_unix_s_(unix_now_s()),
      ring_(static_cast<size_t>(std::max<int64_t>(capacity, 1))) {}

double FlightRecorder::now_s() const {
  return start_unix_s_ +
         std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

CollectiveRecord& FlightRecorder::slot(int64_t sequence) {
  return ring_[static_cast<size_t>(sequence) % ring_.size()];
}

int64_t FlightRecorder::enter(const CollectiveCall& call) {
  const std::lock_guard lock(mutex_);
  const int64_t sequence = next_sequence_++;
  auto& record = slot(sequence);
  record = {sequence, call, current_purpose, step_ ? step_->load() : 0};
  record.queued_s = now_s();
  mix(digest_.order, call.name);
  mix(digest_.order, call.dtype);
  mix(digest_.order, current_purpose);
  const bool is_exchange = call.out_bytes != 0 || call.balance != 0;
  if (!is_exchange) mix(digest_.order, &call.bytes, sizeof(call.bytes));
  digest_.balance += call.balance;
  return sequence;
}

void FlightRecorder::mark(int64_t sequence, CollectiveState state) {
  const std::lock_guard lock(mutex_);
  auto& record = slot(sequence);
  if (record.sequence != sequence) return;
  record.state = state;
  (state == CollectiveState::running ? record.started_s : record.finished_s) = now_s();
}

int64_t FlightRecorder::entered() const {
  const std::lock_guard lock(mutex_);
  return next_sequence_;
}

CallsDigest FlightRecorder::digest() const {
  constexpr uint64_t kMask = (uint64_t{1} << 52) - 1;
  const std::lock_guard lock(mutex_);
  return {digest_.order & kMask, digest_.balance & kMask};
}

std::vector<CollectiveRecord> FlightRecorder::newest(int64_t count) const {
  const std::lock_guard lock(mutex_);
  const int64_t kept = std::min({count, next_sequence_, static_cast<int64_t>(ring_.size())});
  std::vector<CollectiveRecord> records;
  for (int64_t sequence = next_sequence_ - kept; sequence < next_sequence_; ++sequence) {
    records.push_back(ring_[static_cast<size_t>(sequence) % ring_.size()]);
  }
  return records;
}

CollectiveRecord FlightRecorder::oldest_open() const {
  for (auto& record : newest(static_cast<int64_t>(ring_.size()))) {
    if (record.state == CollectiveState::queued || record.state == CollectiveState::running)
      return record;
  }
  return {};
}

std::string FlightRecorder::print(int64_t count) const {
  std::string text;
  for (const auto& record : newest(count)) text += line(record, start_unix_s_);
  return text;
}

std::shared_ptr<FlightRecorder> FlightLog::open(const std::string& name, int64_t num_ranks) {
  constexpr int64_t kCapacity = 2048;
  const std::lock_guard lock(mutex_);
  const auto before = std::count(names_.begin(), names_.end(), name);
  names_.push_back(name);
  const auto full_name = before == 0 ? name : name + " " + std::to_string(before + 1);
  auto recorder = std::make_shared<FlightRecorder>(full_name, kCapacity, step_, num_ranks);
  opened_.push_back(recorder);
  return recorder;
}

std::vector<std::shared_ptr<FlightRecorder>> FlightLog::recorders() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<FlightRecorder>> alive;
  for (const auto& one : opened_) {
    if (auto recorder = one.lock()) alive.push_back(std::move(recorder));
  }
  return alive;
}

std::vector<std::shared_ptr<FlightRecorder>> FlightLog::find_all(const std::string& prefix) const {
  auto found = recorders();
  std::erase_if(found, [&](const auto& recorder) { return !recorder->name().starts_with(prefix); });
  return found;
}

std::shared_ptr<FlightRecorder> FlightLog::find(const std::string& name) const {
  for (const auto& recorder : recorders()) {
    if (recorder->name() == name) return recorder;
  }
  return nullptr;
}

}  // namespace nextframe
