// This file is the training loop: config, model and data in, a trained model and its checkpoints
// out.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "data/loader.h"
#include "launch/hang/watchdog.h"
#include "launch/world.h"
#include "trainer/checkpoint/background_saver.h"
#include "trainer/config/config.h"
#include "trainer/graphs/grain_pass.h"
#include "trainer/graphs/graph_choice.h"
#include "trainer/judge/step_judge.h"
#include "trainer/optimizer.h"
#include "trainer/parallel/gradient_sync.h"
#include "trainer/parallel/process_groups.h"
#include "trainer/parallel/sharding.h"
#include "trainer/records/console.h"
#include "trainer/records/memory_report.h"
#include "trainer/records/metrics_log.h"
#include "trainer/records/run_folder.h"
#include "trainer/records/step_memory.h"
#include "trainer/records/step_statistics.h"
#include "trainer/records/stragglers.h"
#include "trainer/records/tensorboard.h"
#include "trainer/stop_requests.h"

namespace nextframe {

/// Looks at the model after the steps that evaluate.every_steps asks for; on the root only, with
/// averaged weights if there are any, while the other ranks wait.
using Evaluation = std::function<void(int64_t step)>;

class Trainer {
 public:
  /// All references outlive the trainer. `console` and `metrics` belong to the root. `recorder` is
  /// for trainer.cuda_graphs; null where the device has none.
  Trainer(const Config& config, const World& world, const RunFolder& folder,
          std::shared_ptr<WorldModel> model, const Dataset& data, Console& console,
          Watchdog& watchdog, const WorkRecorder& recorder = nullptr);
  ~Trainer();

  /// Continues from the newest valid checkpoint, if there is one. Collective.
  void restore();

  /// Trains to the last step, or until any rank is asked to stop; both save. Collective.
  StopRequest run(StopRequests& stops, const Evaluation& evaluate);

  const Position& position() const { return position_; }

  /// Squared error over that of repeating the last frame, on the training clips of the last steps
  /// of this start; 0 when the model reports neither.
  double error_over_copy_last() const;

 private:
  RankNews news();
  StepTotals train_step(RankNews news);
  Batch next_batch();
  StepTotals meet(RankNews news);
  JudgedStep update(const StepTotals& totals);
  void after_unusual_step(const StepTotals& totals, const JudgedStep& judged);
  void go_back();
  bool is_due(int64_t every_steps) const;
  void look(const Evaluation& evaluate);
  void save();
  void finish_saving();
  void log_step(const StepTotals& totals, const JudgedStep& judged);
  StepRecord make_record(const StepTotals& totals, const JudgedStep& judged);
  RunState state() const;
  std::unique_ptr<Loader> make_loader() const;
  void open_streams();
  void find_peak();

  const Config& config_;
  const World& world_;
  const RunFolder& folder_;
  Console& console_;
  Watchdog& watchdog_;
  const Dataset& data_;
  std::shared_ptr<WorldModel> model_;
  std::unique_ptr<Communicator> control_;  // host scalars and bytes
  DeviceGroups devices_;                   // device tensors
  FlatParameters parameters_;
  Sharding sharding_;
  GrainOwners grains_;
  GraphChoice graphs_;
  GrainPass pass_;
  Optimizer optimizer_;
  std::unique_ptr<GradientSync> sync_;
  StepStatistics statistics_;
  Stragglers stragglers_;
  StepJudge judge_;
  Position position_;
  int64_t saved_step_ = -1;
  int64_t told_spike_step_ = -1000;
  StopRequests* stops_ = nullptr;  // of run()
  BackgroundSaver saver_;
  std::unique_ptr<Loader> loader_;
  std::optional<MetricsLog> metrics_;
  std::optional<TensorBoard> tensorboard_;

  // Since the last record.
  std::chrono::steady_clock::time_point since_;
  int64_t steps_since_ = 0;
  double exposed_s_ = 0;
  double peak_flops_ = 0;  // of all ranks
  StepMemory memory_;

  std::deque<std::map<std::string, double>>
      recent_sums_;  // the model's statistics of the last steps
};

}  // namespace nextframe
