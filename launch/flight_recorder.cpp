#include "launch/flight_recorder.h"

#include <algorithm>
#include <cstdio>

namespace nextframe {
namespace {

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

std::string seconds(double value_s) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3f s", value_s);
  return text;
}

std::string line(const CollectiveRecord& record) {
  std::string text = "  #" + std::to_string(record.sequence) + " " + record.name + " " +
                     std::to_string(record.bytes) + " bytes";
  if (!record.dtype.empty()) text += " " + record.dtype;
  text += std::string(" ") + state_name(record.state) + ", queued at " + seconds(record.queued_s);
  if (record.finished_s > 0) text += ", took " + seconds(record.finished_s - record.started_s);
  return text + "\n";
}

}  // namespace

FlightRecorder::FlightRecorder(int64_t capacity)
    : ring_(static_cast<size_t>(std::max<int64_t>(capacity, 1))) {}

double FlightRecorder::now_s() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

int64_t FlightRecorder::enter(const std::string& name, int64_t bytes, const std::string& dtype) {
  const std::lock_guard lock(mutex_);
  const int64_t sequence = next_sequence_++;
  CollectiveRecord record;
  record.sequence = sequence;
  record.name = name;
  record.bytes = bytes;
  record.dtype = dtype;
  record.queued_s = now_s();
  ring_[static_cast<size_t>(sequence) % ring_.size()] = std::move(record);
  return sequence;
}

void FlightRecorder::mark(int64_t sequence, CollectiveState state) {
  const std::lock_guard lock(mutex_);
  auto& record = ring_[static_cast<size_t>(sequence) % ring_.size()];
  if (record.sequence != sequence) return;
  record.state = state;
  (state == CollectiveState::running ? record.started_s : record.finished_s) = now_s();
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

std::string FlightRecorder::print(int64_t count) const {
  std::string text;
  for (const auto& record : newest(count)) text += line(record);
  return text;
}

}  // namespace nextframe
