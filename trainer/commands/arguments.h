// Arguments that commands share: CONFIG [--set a.b=c ...], those of `train`, and lists of rank
// counts.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "kernels/base/fields.h"
#include "trainer/config/config.h"

namespace nextframe {

struct ConfigArguments {
  std::string path;
  std::vector<std::string> overrides;

  Config load() const { return load_config(path, overrides); }
};

/// Adds the positional `name`, and --set, which may be repeated and takes several values.
std::shared_ptr<const ConfigArguments> add_config_arguments(
    CLI::App& app, const std::string& name = "CONFIG", const std::string& help = "the config file");

struct TrainArguments {
  std::shared_ptr<const ConfigArguments> config;
  std::string run, fork, init;
  bool accept_new_data = false;

  /// The run's folder, given the config that was read.
  std::filesystem::path folder(const Config& read) const;
  /// The command line that trains in `folder`, or continues there; without --accept-new-data, which
  /// is said once.
  std::vector<std::string> command(const std::filesystem::path& folder) const;
};

/// Adds CONFIG, --set, --run, --fork, --init and --accept-new-data.
std::shared_ptr<const TrainArguments> add_train_arguments(CLI::App& app);

class FieldChoices : public FieldVisitor {
 public:
  explicit FieldChoices(std::string name) : name_(std::move(name)) {}
  std::vector<std::string> choices;

 private:
  void visit(const FieldInfo& info, std::string&) override {
    if (info.name == name_) choices = info.choices;
  }
  void visit(const FieldInfo&, bool&) override {}
  void visit(const FieldInfo&, int64_t&) override {}
  void visit(const FieldInfo&, double&) override {}
  void visit(const FieldInfo&, std::vector<int64_t>&) override {}
  void visit(const FieldInfo&, std::vector<std::string>&) override {}

  std::string name_;
};

/// "none", "optimizer", … of field "shard" of a ParallelConfig.
template <class Section>
std::vector<std::string> choices_of(Section section, const std::string& field) {
  FieldChoices visitor(field);
  section.fields(visitor);
  return visitor.choices;
}

/// "4", "1,2,4", or "8..16384" for 8 and its doublings up to there. Throws UsageError.
std::vector<int64_t> parse_rank_list(const std::string& text);

}  // namespace nextframe
