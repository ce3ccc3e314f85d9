// A supervisor over a job that does what a test says, with a clock that moves only when told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launch/supervise/supervisor.h"

namespace nextframe {

struct FakeJob : SupervisedJob {
  void start(const Placement& placement) override {
    starts.push_back(placement.num_ranks);
    hosts.push_back(to_host_list(placement.hosts));
  }
  void ask_to_save() override { ++requests; }
  void kill() override { ++kills; }
  bool has_lost_a_rank() override { return is_rank_lost; }
  bool lacked_slots() const override { return starts.back() > num_slots; }
  std::string recent_error_output() const override { return words; }

  std::vector<int64_t> starts;
  std::vector<std::string> hosts;  // of each start
  std::string words;
  int64_t num_slots = 1000;
  int requests = 0, kills = 0;
  bool is_rank_lost = false;
};

struct Scene {
  explicit Scene(SupervisorLimits limits = {.num_ranks = 4, .min_ranks = 4}, int64_t first_step = 0)
      : step(first_step),
        supervisor(
            limits, job,
            {[this] { return step; }, [this](const std::string& line) { said += line + "\n"; },
             [this](const LaunchEvent& event) { events.push_back(event); }}) {
    supervisor.begin(now_s);
  }
  void pass(double seconds) { supervisor.on_time(now_s += seconds); }
  void end_with(int code) { supervisor.on_exit(code, now_s); }
  /// Fails, and waits until the job runs again.
  void fail(int code) {
    end_with(code);
    pass(60);
  }
  bool has_said(const std::string& text) const { return said.find(text) != said.npos; }

  FakeJob job;
  int64_t step;
  double now_s = 1000;
  std::string said;
  std::vector<LaunchEvent> events;
  Supervisor supervisor;
};

}  // namespace nextframe
