// The training loop: takes a config, a model and data, and trains, checkpoints and evaluates the
// model.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "data/loader.h"
#include "launch/hang/watchdog.h"
#include "launch/world.h"
#include "trainer/checkpoint/background_saver.h"
#include "trainer/config/config.h"
#include "trainer/evaluate/training_evaluation.h"
#include "trainer/graphs/cuda_graphs.h"
#include "trainer/graphs/grain_pass.h"
#include "trainer/judge/step_judge.h"
#include "trainer/optimizer/optimizer.h"
#include "trainer/parallel/gradient_sync.h"
#include "trainer/parallel/process_groups.h"
#include "trainer/parallel/sharding.h"
#include "trainer/records/console.h"
#include "trainer/records/memory_report.h"
#include "trainer/records/metrics_log.h"
#include "trainer/records/run_folder.h"
#include "trainer/records/step_statistics.h"
#include "trainer/records/stragglers.h"
#include "trainer/records/tensorboard.h"
#include "trainer/stop_requests.h"

namespace nextframe {

class Trainer {
 public:
  /// All references outlive the trainer. `recorder` is for trainer.cuda_graphs; null where the
  /// device has no graphs.
  Trainer(const Config& config, const World& world, const RunFolder& folder,
          std::shared_ptr<Model> model, Dataset& data, Console& console, Watchdog& watchdog,
          const GraphRecorder& recorder = nullptr);
  ~Trainer();

  /// Continues from the newest valid checkpoint, if there is one. Throws CheckpointError if that
  /// was trained on other data, unless it `accepts_new_data` from there on. Collective.
  void restore(bool accepts_new_data = false);

  /// Commits where the run begins: from then on it needs nothing else to begin again. Collective.
  void save_beginning();

  /// Trains to the last step, or until any rank is asked to stop, and saves. Collective.
  StopRequest run(StopRequests& stops, const Evaluation& evaluate);

  const Position& position() const { return position_; }

  /// The model's squared error relative to that of repeating the last frame, on the training clips
  /// of the last steps of this start; 0 when the model does not report them.
  double error_over_copy_last() const;

 private:
  RankStatus rank_status();
  StepTotals train_step(RankStatus status);
  Batch next_batch();
  StepTotals exchange_status(RankStatus status);
  JudgedStep update(const StepTotals& totals);
  void handle_unusual_step(const StepTotals& totals, const JudgedStep& judged);
  void roll_back();
  bool is_due(int64_t every_steps) const;
  void evaluate_model(const Evaluation& evaluate);
  void recognise_data(const Manifest& manifest, const std::string& checkpoint,
                      const std::vector<DataSegment>& known, bool accepts_new_data);
  void begin_segment(const DataDifference& difference, const Manifest& manifest);
  void evaluate_on_root(const Evaluation& evaluate);
  void save();
  void finish_saving();
  void log_step(const StepTotals& totals, const JudgedStep& judged);
  StepRecord make_record(const StepTotals& totals, const JudgedStep& judged);
  RunState state() const;
  std::unique_ptr<Loader> make_loader() const;
  void open_loader_and_logs();
  void find_peak_flops();

  const Config& config_;
  const World& world_;
  const RunFolder& folder_;
  Console& console_;
  Watchdog& watchdog_;
  Dataset& data_;  // arranged by restore(), read only from then on
  std::shared_ptr<Model> model_;
  std::unique_ptr<Communicator> control_;  // host scalars and bytes
  DeviceGroups devices_;                   // process groups of device tensors
  FlatParameters parameters_;
  UpdateRules rules_;
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
  bool has_new_data_ = false;  // that no checkpoint knows of
  bool has_raised_alarm_ = false;
  int64_t last_reported_spike_step_ = -1000;
  StopRequests* stops_ = nullptr;  // of run()
  BackgroundSaver saver_;
  std::unique_ptr<Loader> loader_;
  std::optional<MetricsLog> metrics_;
  std::optional<TensorBoard> tensorboard_;

  // Since the last logged step.
  double last_record_s_ = 0;  // of steady_seconds(); what evaluations took is added
  int64_t steps_since_record_ = 0;
  double comm_exposed_s_ = 0;
  double peak_flops_ = 0;  // of all ranks
  bool peak_is_measured_ = false;
  StepMemory memory_;

  std::deque<std::map<std::string, double>> recent_sums_;  // the model's statistics, by step
};

}  // namespace nextframe
